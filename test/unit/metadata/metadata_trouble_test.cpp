// What a watcher does while the metadata service is away, restarts, or answers what it should not.
#include <doctest/doctest.h>

#include <atomic>
#include <string>

#include "bad_bodies.hpp"
#include "fake_watch_clock.hpp"
#include "fixtures.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "support/unit/scripted_metadata.hpp"
#include "watched.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::testing;
using Request = ScriptedServer::Request;
using Peer = ScriptedServer::Peer;
using Waits = ScriptedMetadata::Waits;

namespace {

/// The next observation that fits, after the pauses before it.
template <class Fits>
Observation next_that(const Fits& fits, Watched& watched, FakeWatchClock& clock) {
  clock.pass_pause();
  return watched.next_that([&](const Observation& observation) {
    const bool found = fits(observation);
    if (!found) {
      clock.pass_pause();
    }
    return found;
  });
}

}  // namespace

TEST_CASE("an unavailable metadata service is a failed read, and is noticed soon after it returns") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings_of({server.url()}), clock);
  watched.next();
  CHECK(server.await_requests(3));
  server.set_down(true);
  CHECK(clock->pass_pause() == Milliseconds(250));  // the smallest gap between rounds
  const Observation bad = watched.next();
  CHECK(reason(bad) == server.url() + ": connection closed without an answer");
  CHECK(bad.url.empty());
  CHECK(clock->pass_pause() == Milliseconds(250));
  CHECK_FALSE(reason(watched.next()).empty());
  server.set_down(false);
  CHECK(clock->pass_pause() == Milliseconds(500));
  CHECK(containers(watched.next()) == 1);
  CHECK(watched.lines("event=metadata_unavailable") == 1);
  CHECK(watched.lines("event=metadata_available") == 2);
  CHECK(watched.lines("event=long_poll_abandoned") == 0);
}

TEST_CASE("a wait that a restart ended is not sent again before the server has loaded its data") {
  std::atomic<int> asked_after_restart = 0;
  std::atomic<int> waits_too_early = 0;
  ScriptedServer server([&](const Request& request, Peer& peer) {
    const bool wait = contains(request.target, "wait=true");
    if (request.connection == 1 && wait) {
      return peer.close();
    }
    if (wait) {
      waits_too_early += asked_after_restart <= 3 ? 1 : 0;
      return peer.hold();
    }
    if (request.connection > 1 && ++asked_after_restart <= 3) {
      peer.answer(404, fixture("not-found.json"));
    } else {
      peer.answer(200, contains(request.target, "service") ? service_body("web", {1, 2}) : "\"v1\"");
    }
  });
  Watched watched(settings_of({server.url()}));
  CHECK(containers(watched.next()) == 2);
  CHECK(contains(reason(watched.next()), "404"));
  CHECK(containers(watched.next_good()) == 2);
  CHECK(waits_too_early == 0);
}

TEST_CASE("the watcher notices each restart at once, and none counts as a server that cannot wait") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  // None of the rests that a watcher takes between good reads ends in time.
  WatcherSettings settings = settings_of({server.url()});
  settings.polling_interval = Milliseconds(60'000);
  Watched watched(settings);
  CHECK(containers(watched.next_good()) == 1);
  for (std::size_t restart = 1; restart <= 3; ++restart) {
    CHECK(server.await_waits(restart));
    server.set_down(true);
    CHECK_FALSE(reason(watched.next_unknown()).empty());
    server.set_down(false);
    CHECK(containers(watched.next_good()) == 1);
  }
  CHECK(watched.lines("event=long_poll_abandoned") == 0);
}

TEST_CASE("waits that are cut off are repeated at the polling interval") {
  ScriptedServer server([](const ScriptedServer::Request& request, ScriptedServer::Peer& peer) {
    if (contains(request.target, "wait=true")) {
      return peer.close();
    }
    peer.answer(200, contains(request.target, "service") ? service_body("web", {1}) : "\"v1\"");
  });
  WatcherSettings settings = settings_of({server.url()});
  settings.polling_interval = Milliseconds(500);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings, clock);
  for (const int pause : {250, 500, 500, 500}) {
    CHECK(containers(watched.next()) == 1);
    CHECK(clock->pass_pause() == Milliseconds(pause));
  }
  CHECK(containers(watched.next()) == 1);
  CHECK(watched.lines("event=long_poll_abandoned") == 0);
}

TEST_CASE("a 404 is a failed read until the next version") {
  ScriptedMetadata server;
  // No retry comes in time.
  WatcherSettings settings = settings_of({server.url()});
  settings.polling_interval = Milliseconds(60'000);
  settings.pace.retry_first = Milliseconds(60'000);
  settings.pace.retry_last = Milliseconds(60'000);
  Watched watched(settings);
  const Observation bad = watched.next();
  CHECK(contains(reason(bad), "404 at /latest/self/service: not joined yet"));
  CHECK(bad.url == server.url());
  CHECK(server.await_requests(3));
  server.reload_with("self/service", service_body("web", {1}));
  CHECK(containers(watched.next()) == 1);
}

TEST_CASE("a wait while reads fail lasts no longer than the retry delay") {
  ScriptedMetadata server;
  server.set_waits(Waits::for_ever);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings_of({server.url()}), clock);
  for (const int delay : {250, 500, 1'000}) {
    CHECK(contains(reason(watched.next()), "404 at /latest/self/service"));
    // The wait ends by itself; by the clock that stands still it took no time, and the whole delay is left.
    CHECK(clock->pass_pause() == Milliseconds(delay));
  }
  CHECK(server.waits() >= 3);
  CHECK(watched.lines("event=long_poll_abandoned") == 0);
}

TEST_CASE("no wait is sent while nothing is loaded") {
  ScriptedServer server([](const ScriptedServer::Request&, ScriptedServer::Peer& peer) {
    peer.answer(404, fixture("not-found.json"));
  });
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings_of({server.url()}), clock);
  for (const int pause : {250, 500, 1'000}) {
    CHECK(contains(reason(watched.next()), "404 at /latest/version: nothing is loaded yet"));
    CHECK(clock->pass_pause() == Milliseconds(pause));
  }
  for (const auto& target : server.targets()) {
    CHECK_FALSE(contains(target, "wait"));
  }
}

TEST_CASE("invalid answers are failed reads, and are logged once") {
  ScriptedMetadata server;
  server.put("self/service", "<html>");
  Watched watched(settings_of({server.url()}));
  for (int i = 0; i < 3; ++i) {
    CHECK(contains(reason(watched.next()), "looks like an HTML page"));
  }
  CHECK(watched.lines("event=metadata_unavailable") == 1);
}

TEST_CASE("every bad body is refused, and a valid one after each is accepted") {
  const auto bodies = bad_bodies();
  std::atomic<std::size_t> asked = 0;
  ScriptedServer server([&](const ScriptedServer::Request&, ScriptedServer::Peer& peer) {
    const std::size_t number = asked++;
    peer.answer(200,
                number % 2 == 0 ? service_body("web", {1, 2}) : bodies.at(number / 2 % bodies.size()).body);
  });
  WatcherSettings settings = settings_of({server.url()});
  settings.watch = WatchMode::off;
  settings.polling_interval = Milliseconds(1);
  settings.pace.min_gap = Milliseconds(1);
  settings.pace.retry_first = Milliseconds(1);
  Watched watched(settings);
  for (const auto& row : bodies) {
    CAPTURE(row.what);
    CHECK(containers(watched.next()) == 2);
    const std::string said = reason(watched.next());
    CAPTURE(said);
    CHECK(contains(said, row.message));
  }
}

TEST_CASE(
    "a later URL only adds peers until it is confirmed, and the earlier one is trusted as soon as it is "
    "back") {
  ScriptedMetadata first;
  ScriptedMetadata second;
  first.put("self/service", service_body("web", {1, 2}));
  second.put("self/service", service_body("web", {1}));
  auto settings = settings_of({first.url(), second.url()});
  settings.watch = WatchMode::off;
  settings.polling_interval = Milliseconds(20);
  settings.pace.min_gap = Milliseconds(10);
  settings.pace.earlier_url = Milliseconds(1'000);
  settings.url_confirmation = Milliseconds(300);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings, clock);
  const auto trusted = [](const Observation& o) { return o.authority == membership::Authority::full; };
  const auto from = [](const ScriptedMetadata& metadata) {
    return [url = metadata.url()](const Observation& o) { return o.url == url; };
  };
  CHECK(trusted(watched.next()));
  first.set_down(true);
  CHECK(clock->pass_pause() == Milliseconds(20));
  const auto left = clock->now();
  Observation observation = watched.next();
  CHECK(from(second)(observation));
  CHECK_FALSE(trusted(observation));
  observation = next_that(trusted, watched, *clock);
  CHECK(from(second)(observation));
  CHECK(clock->now() - left == Milliseconds(300));
  first.set_down(false);
  CHECK(trusted(next_that(from(first), watched, *clock)));
  CHECK(clock->now() - left == Milliseconds(1'000));
  CHECK(watched.lines("only adds peers") == 1);
}

TEST_CASE("a failed round restarts the confirmation of a later URL") {
  ScriptedMetadata second;
  second.put("self/service", service_body("web", {1}));
  auto settings = settings_of({url_where_nobody_listens(), second.url()});
  settings.watch = WatchMode::off;
  settings.polling_interval = Milliseconds(20);
  settings.pace.min_gap = Milliseconds(10);
  settings.url_confirmation = Milliseconds(200);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings, clock);
  CHECK(containers(watched.next()) == 1);
  CHECK(clock->pass_pause() == Milliseconds(20));
  CHECK(containers(watched.next()) == 1);
  second.set_down(true);
  clock->pass_pause();
  CHECK_FALSE(reason(watched.next()).empty());
  second.set_down(false);
  clock->pass_pause();
  const auto back = clock->now();
  CHECK(containers(watched.next()) == 1);
  next_that([](const Observation& o) { return o.authority == membership::Authority::full; }, watched, *clock);
  CHECK(clock->now() - back == Milliseconds(200));
}
