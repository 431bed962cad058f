// What a watcher learns of the container that it runs in: its address, and that it is gone.
#include <doctest/doctest.h>

#include "support/unit/scripted_metadata.hpp"
#include "watched.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::testing;
using membership::ReadScope;

TEST_CASE("once the own container is gone, a read by name has the scope of self") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1, 2}));
  server.put("stacks/shop/services/web", service_body("web", {2}));
  Watched watched(settings_of({server.url()}));
  watched.next();
  server.remove("self/service");
  server.reload();
  const Observation observation = watched.next_that([](const Observation& o) { return containers(o) == 1; });
  CHECK(observation.reads.front().scope == ReadScope::self);
  CHECK(watched.lines("event=own_container_unknown") == 1);
  CHECK(watched.lines("event=metadata_unavailable") == 0);
}

TEST_CASE("an address that is known later than the service is found without any other change") {
  for (const auto watch : {WatchMode::on, WatchMode::off}) {
    CAPTURE(static_cast<int>(watch));
    ScriptedMetadata server;
    server.put("self/service", service_body("web", {7}));
    WatcherSettings settings = settings_of({server.url()});
    settings.watch = watch;
    settings.polling_interval = Milliseconds(60'000);
    Watched watched(settings, AskAddress::yes);
    CHECK(containers(watched.next()) == 1);
    server.put("self/container/primary_ip", "\"10.42.0.7\"");
    const auto address = watched.await_address();
    REQUIRE(address.has_value());
    CHECK(address->to_string() == "10.42.0.7");
    CHECK(watched.lines("event=own_address_unknown") == 1);
  }
}

TEST_CASE("an address that is asked for is in one observation, whether it is known or not") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {7}));
  Watched watched(settings_of({server.url()}));
  CHECK_FALSE(watched.next().asked_own_address);
  const auto asked = [](const Observation& o) { return o.asked_own_address; };
  watched.watcher.ask_own_address();
  CHECK_FALSE(watched.next_that(asked).own_address);
  server.put("self/container/primary_ip", "\"10.42.0.7\"");
  watched.watcher.ask_own_address();
  const Observation known = watched.next_that(asked);
  REQUIRE(known.own_address);
  CHECK(known.own_address->to_string() == "10.42.0.7");
  CHECK(containers(known) == 1);
  watched.watcher.refresh();
  CHECK_FALSE(watched.next().asked_own_address);
  CHECK(watched.lines("event=own_address") == 0);
}

TEST_CASE("an address that is asked for while the metadata is down is answered all the same") {
  Watched watched(settings_of({"http://127.0.0.1:1"}));
  watched.next();
  watched.watcher.ask_own_address();
  CHECK_FALSE(watched.next_that([](const Observation& o) { return o.asked_own_address; }).own_address);
}

TEST_CASE("an address that was found is not requested again") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {7}));
  server.put("self/container/primary_ip", "\"10.42.0.7\"");
  Watched watched(settings_of({server.url()}), AskAddress::yes);
  watched.next();
  for (int i = 0; i < 2; ++i) {
    watched.watcher.refresh();
    watched.next();
  }
  CHECK(server.count("self/container/primary_ip") == 1);
}
