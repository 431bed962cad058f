#include "rancher_cnode/metadata/metadata_watcher.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "fake_watch_clock.hpp"
#include "support/unit/scripted_metadata.hpp"
#include "watched.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::testing;
using membership::ReadScope;
using Waits = ScriptedMetadata::Waits;

TEST_CASE("the watcher reads the version, then the service, then waits with the bare version") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1, 2, 3}));
  const std::string version = server.reload();
  Watched watched(settings_of({server.url()}));
  const Observation observation = watched.next();
  CHECK(containers(observation) == 3);
  CHECK(observation.reads.front().scope == ReadScope::self);
  CHECK(observation.url == server.url());
  CHECK(observation.version == version);
  CHECK(server.await_requests(3));
  const auto targets = server.targets();
  CHECK(targets.at(0) == "/latest/version");
  CHECK(targets.at(1) == "/latest/self/service");
  CHECK(targets.at(2) == "/latest/version?wait=true&value=" + version + "&maxWait=25");
}

TEST_CASE("a change after a quiet time is published at once") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  WatcherSettings settings = settings_of({server.url()});
  // Any rest that is not cut short would be seen.
  settings.pace.min_gap = Milliseconds(1);
  settings.pace.reread_interval = Milliseconds(60'000);
  settings.polling_interval = Milliseconds(60'000);
  Watched watched(settings);
  CHECK(containers(watched.next()) == 1);
  CHECK(server.await_requests(3));
  const std::string version = server.reload_with("self/service", service_body("web", {1, 2}));
  const Observation observation = watched.next();
  CHECK(containers(observation) == 2);
  CHECK(observation.version == version);
}

TEST_CASE("the last of many quick changes is read, and not every one") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  Watched watched(settings_of({server.url()}));
  watched.next();
  std::string version;
  for (int i = 0; i < 20; ++i) {
    version = server.reload();
  }
  version = server.reload_with("self/service", service_body("web", {1, 2, 3, 4}));
  const Observation last = watched.next_that([&](const Observation& o) { return o.version == version; });
  CHECK(containers(last) == 4);
  CHECK(watched.observed() <= 4);
}

TEST_CASE("a version storm causes a bounded number of requests") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  server.set_waits(Waits::storm);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings_of({server.url()}), clock);
  // The smallest gap twice, then once a second on average.
  for (const int pause : {250, 250, 500, 1'000, 1'000}) {
    watched.next();
    CHECK(clock->pass_pause() == Milliseconds(pause));
  }
  watched.next();
  // Each round asks for the service once and waits once; the first one asks for the version too.
  CHECK(server.targets().size() <= 1 + 2 * 6);
}

TEST_CASE("a change right after a round waits for the smallest gap, and no longer") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  WatcherSettings settings = settings_of({server.url()});
  settings.pace.min_gap = Milliseconds(400);
  settings.pace.reread_interval = Milliseconds(60'000);
  settings.polling_interval = Milliseconds(60'000);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings, clock);
  watched.next();
  server.reload_with("self/service", service_body("web", {1, 2}));
  CHECK(clock->pass_pause() == Milliseconds(400));
  CHECK(containers(watched.next()) == 2);
  server.reload_with("self/service", service_body("web", {1, 2, 3}));
  CHECK(clock->pass_pause() == Milliseconds(400));
  CHECK(containers(watched.next()) == 3);
}

TEST_CASE("the watcher polls while a server does not long-poll, and long-polls again when it does") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  server.set_waits(Waits::not_at_all);
  WatcherSettings settings = settings_of({server.url()});
  settings.polling_interval = Milliseconds(300);
  settings.pace.long_poll_retry = Milliseconds(1'000);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings, clock);
  for (int i = 0; i < 3; ++i) {
    watched.next();
    CHECK(clock->pass_pause() == Milliseconds(300));
    CHECK(server.waits() == 1);
  }
  CHECK(watched.lines("event=long_poll_abandoned") == 1);

  // The next pause is the one after which it is tried again.
  server.set_waits(Waits::well);
  watched.next();
  CHECK(clock->pass_pause() == Milliseconds(300));
  watched.next();
  // The next trial lasts until it expires, no longer than the pause that it replaces.
  CHECK(server.await_waits(2));
  CHECK(server.targets().back().ends_with("&maxWait=1"));
  clock->advance(Milliseconds(1'000));
  watched.next();
  CHECK(watched.lines("event=long_poll_resumed") == 1);
  CHECK(watched.lines("event=long_poll_abandoned") == 1);
  CHECK(server.await_waits(3));
  CHECK(server.targets().back().ends_with("&maxWait=25"));
  const std::size_t reads = server.count("self/service");
  server.reload_with("self/service", service_body("web", {1, 2}));
  CHECK(clock->pass_pause() == Milliseconds(250));
  CHECK(containers(watched.next()) == 2);
  CHECK(server.count("self/service") == reads + 1);
}

TEST_CASE("the watcher polls when waits never end although reads succeed") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  server.set_waits(Waits::for_ever);
  WatcherSettings settings = settings_of({server.url()});
  settings.polling_interval = Milliseconds(300);
  settings.pace.max_wait = Milliseconds(200);
  settings.pace.wait_slack = Milliseconds(200);
  Watched watched(settings);
  for (int i = 0; i < 6; ++i) {
    CHECK(containers(watched.next()) == 1);
  }
  CHECK(server.waits() == 2);
  CHECK(watched.lines("event=long_poll_abandoned") == 1);
  CHECK(watched.lines("event=metadata_unavailable") == 0);
}

TEST_CASE("polls are at most a minute apart when long-polling does not work") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  server.set_waits(Waits::not_at_all);
  WatcherSettings settings = settings_of({server.url()});
  settings.polling_interval = Milliseconds(3'600'000);
  settings.pace.fallback_last = Milliseconds(300);
  Watched watched(settings);
  for (int i = 0; i < 4; ++i) {
    CHECK(containers(watched.next()) == 1);
  }
  CHECK(watched.lines("event=long_poll_abandoned") == 1);
  CHECK(watched.lines("polling_interval_ms=300") == 1);
}

TEST_CASE("a server that returns no version is logged, and long-polled once it does") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  server.put("version", "<html>");
  WatcherSettings settings = settings_of({server.url()});
  settings.polling_interval = Milliseconds(300);
  settings.pace.long_poll_retry = Milliseconds(1'000);
  Watched watched(settings);
  for (int i = 0; i < 6; ++i) {
    CHECK(containers(watched.next()) == 1);
  }
  CHECK(server.waits() == 0);
  CHECK(watched.lines("event=long_poll_abandoned") == 1);
  CHECK(watched.lines("not plain text") == 1);
  CHECK(watched.lines("event=metadata_unavailable") == 0);
  server.remove("version");
  // It is more than long_poll_retry since it was abandoned, so the first version is waited with.
  watched.next_that([](const Observation& o) { return !o.version.empty(); });
  watched.next();
  CHECK(server.waits() >= 1);
  CHECK(watched.lines("event=long_poll_resumed") == 1);
}

TEST_CASE("a wait that expires without a change is followed by a read") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  WatcherSettings settings = settings_of({server.url()});
  settings.pace.max_wait = Milliseconds(1'000);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings, clock);
  watched.next();
  CHECK(server.await_target("&maxWait=1"));
  clock->advance(settings.pace.max_wait);
  CHECK(containers(watched.next()) == 1);
  CHECK(watched.lines("event=long_poll_abandoned") == 0);
}

TEST_CASE("with watch off the watcher polls at its interval") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  WatcherSettings settings = settings_of({server.url()});
  settings.watch = WatchMode::off;
  settings.polling_interval = Milliseconds(300);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings, clock);
  for (int i = 0; i < 3; ++i) {
    CHECK(watched.next().version.empty());
    CHECK(clock->pass_pause() == Milliseconds(300));
  }
  CHECK(server.count("version") == 0);
}

TEST_CASE("a file URL is polled without a request for a version") {
  std::string directory = std::filesystem::temp_directory_path() / "rancher_cnode_XXXXXX";
  REQUIRE(::mkdtemp(directory.data()) != nullptr);
  std::filesystem::create_directories(directory + "/latest");
  std::ofstream(directory + "/latest/service") << service_body("web", {1, 2});
  std::ofstream(directory + "/latest/version") << "v1";
  WatcherSettings settings = settings_of({"file://" + directory});
  settings.services = {"service"};
  {
    Watched watched(settings);
    const Observation observation = watched.next();
    CHECK(containers(observation) == 2);
    CHECK(observation.reads.front().scope == ReadScope::named);
    CHECK(observation.version.empty());
  }
  std::filesystem::remove_all(directory);
}

TEST_CASE("refresh ends a wait and reads at once") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  Watched watched(settings_of({server.url()}));
  watched.next();
  CHECK(server.await_requests(3));
  watched.watcher.refresh();
  watched.next();
}

TEST_CASE("refresh ends a pause between polls") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  WatcherSettings settings = settings_of({server.url()});
  settings.watch = WatchMode::off;
  settings.polling_interval = Milliseconds(60'000);
  Watched watched(settings);
  watched.next();
  watched.watcher.refresh();
  watched.next();
}

TEST_CASE("a flood of refreshes keeps the smallest gap") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings_of({server.url()}), clock);
  watched.next();
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 50; ++j) {
      watched.watcher.refresh();
    }
    CHECK(clock->pass_pause() == Milliseconds(250));
    watched.next();
  }
}

TEST_CASE("the own address is requested again while it is the previous one, which is logged once") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {7}));
  server.put("self/container/primary_ip", "\"10.42.0.6\"");
  Watched watched(settings_of({server.url()}), AskAddress::yes, *Ipv4Address::parse("10.42.0.7"));
  for (int i = 0; i < 3; ++i) {
    watched.next();
  }
  CHECK(server.count("self/container/primary_ip") >= 3);
  CHECK(watched.lines("event=own_address_mismatched") == 1);
  CHECK(watched.lines("event=own_address_found") == 0);
  server.reload_with("self/container/primary_ip", "\"10.42.0.7\"");
  const auto address = watched.await_address();
  REQUIRE(address.has_value());
  CHECK(address->to_string() == "10.42.0.7");
}

TEST_CASE("stop is immediate in a wait, in a request and in a pause") {
  ScriptedMetadata waiting;
  waiting.put("self/service", service_body("web", {1}));
  ScriptedServer hanging([](const ScriptedServer::Request&, ScriptedServer::Peer& peer) { peer.hold(); });
  struct Row {
    std::string what;
    std::string url;
    WatchMode watch;
    std::function<bool()> reached;
  };
  const Row rows[] = {
      {"in a wait", waiting.url(), WatchMode::on, [&] { return waiting.await_requests(3); }},
      {"in a request", hanging.url(), WatchMode::on, [&] { return hanging.await_requests(1); }},
      {"in a rest", waiting.url(), WatchMode::off, [&] { return waiting.await_requests(4); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    WatcherSettings settings = settings_of({row.url});
    settings.watch = row.watch;
    settings.polling_interval = Milliseconds(60'000);
    Watched watched(settings);
    CHECK(row.reached());
    const TimePoint begin = Clock::now();
    watched.watcher.stop();
    CHECK(since(begin) < Milliseconds(4'000));  // less than the 5 s after which a request looks for it anyway
    const std::size_t observed = watched.observed();
    watched.watcher.stop();
    watched.watcher.refresh();
    CHECK(watched.observed() == observed);
  }
}

TEST_CASE("two threads may stop and refresh at the same time") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  Watched watched(settings_of({server.url()}));
  watched.next();
  std::thread refreshing([&] {
    for (int i = 0; i < 1'000; ++i) {
      watched.watcher.refresh();
    }
  });
  std::thread stopping([&] { watched.watcher.stop(); });
  watched.watcher.stop();
  stopping.join();
  refreshing.join();
}

TEST_CASE("a watcher that was never started can be stopped") {
  const Log log(LogLevel::error, LogFormat::text);
  MetadataWatcher watcher(settings_of({"http://127.0.0.1:1"}), {}, log);
  watcher.stop();
}
