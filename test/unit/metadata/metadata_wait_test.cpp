// What a watcher does with waits: those that end well, early, late or not at all, and what of that it
// remembers.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>

#include "fake_watch_clock.hpp"
#include "support/unit/scripted_metadata.hpp"
#include "watched.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::testing;
using Peer = ScriptedServer::Peer;
using Waits = ScriptedMetadata::Waits;

namespace {

/// A rest that is not cut short ends no case before its time is up.
constexpr Milliseconds too_long{60'000};

/// Returns the version v1 and a service; its n-th wait, counted from 1, is defined by the case.
class Waiting {
 public:
  explicit Waiting(std::function<void(int, Peer&)> wait, int service_status = 200)
      : server_([this, service_status, wait = std::move(wait)](const ScriptedServer::Request& request,
                                                               Peer& peer) {
          if (contains(request.target, "wait=true")) {
            return wait(++waits_, peer);
          }
          if (contains(request.target, "version")) {
            return static_cast<void>(peer.answer(200, "\"v1\""));
          }
          peer.answer(service_status, service_body("web", {1}));
        }) {}

  [[nodiscard]] WatcherSettings settings(Milliseconds polling_interval = too_long) const {
    WatcherSettings settings = settings_of({server_.url()});
    settings.polling_interval = polling_interval;
    return settings;
  }
  bool await_requests(std::size_t count) { return server_.await_requests(count); }

 private:
  std::atomic<int> waits_ = 0;
  ScriptedServer server_;
};

}  // namespace

TEST_CASE("a wait that was cut off once is repeated at once") {
  Waiting server([](int number, Peer& peer) { number == 1 ? peer.close() : peer.hold(); });
  Watched watched(server.settings());
  for (int i = 0; i < 2; ++i) {
    CHECK(containers(watched.next()) == 1);
  }
  CHECK(server.await_requests(6));
  CHECK(watched.lines("event=long_poll_abandoned") == 0);
}

TEST_CASE("a successful wait resets the count of waits that were cut off") {
  for (const bool with_change : {true, false}) {
    CAPTURE(with_change);
    Waiting server([with_change](int number, Peer& peer) {
      if (number > 3) {
        return peer.hold();
      }
      if (number != 2) {
        return peer.close();
      }
      if (peer.pass(Milliseconds(200))) {
        peer.answer(200, with_change ? "\"v2\"" : "\"v1\"");
      }
    });
    WatcherSettings settings = server.settings();
    settings.pace.early_answer = Milliseconds(100);
    Watched watched(settings);
    for (int i = 0; i < 4; ++i) {
      CHECK(containers(watched.next()) == 1);
    }
  }
}

TEST_CASE("while reads fail, waits that fail at once do not hasten the retries") {
  for (const char* answer : {"", "<html>"}) {
    CAPTURE(answer);
    Waiting server(
        [answer](int, Peer& peer) {
          if (*answer == '\0') {
            return peer.close();
          }
          peer.answer(200, answer);
        },
        404);
    const auto clock = std::make_shared<FakeWatchClock>();
    Watched watched(server.settings(), clock);
    for (const int pause : {250, 500, 1'000}) {
      CHECK(contains(reason(watched.next()), "404"));
      CHECK(clock->pass_pause() == Milliseconds(pause));
    }
  }
}

TEST_CASE("a wait after a failed read replaces the pause and does not add to it") {
  ScriptedMetadata server;
  server.set_waits(Waits::for_ever);
  WatcherSettings settings = settings_of({server.url()});
  settings.pace.retry_first = Milliseconds(1'000);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings, clock);
  CHECK(contains(reason(watched.next()), "404"));
  CHECK(server.await_waits(1));
  clock->advance(settings.pace.retry_first);
  CHECK(contains(reason(watched.next()), "404"));
  CHECK(contains(server.targets().at(2), "&maxWait=1"));
}

TEST_CASE("a server that ends its waits some seconds late still long-polls") {
  Waiting server([](int number, Peer& peer) {
    if (number > 2) {
      return peer.hold();
    }
    if (peer.pass(Milliseconds(700))) {
      peer.answer(200, "\"v1\"");
    }
  });
  WatcherSettings settings = server.settings();
  settings.pace.max_wait = Milliseconds(200);
  settings.pace.wait_slack = Milliseconds(20'000);
  Watched watched(settings);
  for (int i = 0; i < 3; ++i) {
    CHECK(containers(watched.next()) == 1);
  }
  CHECK(watched.lines("event=long_poll_abandoned") == 0);
}

TEST_CASE("refresh ends the pause after waits that were cut off") {
  Waiting server([](int, Peer& peer) { peer.close(); });
  Watched watched(server.settings());
  for (int i = 0; i < 2; ++i) {
    watched.next();
  }
  CHECK(server.await_requests(6));
  watched.watcher.refresh();
  CHECK(containers(watched.next()) == 1);
}

TEST_CASE("each refresh ends one wait, and does not count as a failed one") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  Watched watched(settings_of({server.url()}));
  watched.next();
  for (std::size_t number = 1; number <= 3; ++number) {
    CHECK(server.await_waits(number));
    watched.watcher.refresh();
    watched.next();
  }
  CHECK(server.await_waits(4));
  CHECK(watched.lines("event=long_poll_abandoned") == 0);
}

TEST_CASE("a trial that a change ends after a while shows that long-polling works again") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  server.set_waits(Waits::not_at_all);
  WatcherSettings settings = settings_of({server.url()});
  settings.polling_interval = Milliseconds(20'000);
  settings.pace.fallback_last = Milliseconds(20'000);
  settings.pace.early_answer = Milliseconds(1'000);
  settings.pace.long_poll_retry = Milliseconds(20'000);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings, clock);
  watched.next();
  CHECK(watched.await_line("event=long_poll_abandoned"));
  server.set_waits(Waits::well);
  CHECK(clock->pass_pause() == Milliseconds(20'000));
  watched.next();
  CHECK(server.await_waits(2));
  clock->advance(settings.pace.early_answer);
  server.reload_with("self/service", service_body("web", {1, 2}));
  CHECK(containers(watched.next()) == 2);
  CHECK(watched.lines("event=long_poll_resumed") == 1);
}

TEST_CASE("a version that is always new does not show that long-polling works again") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  server.set_waits(Waits::not_at_all);
  WatcherSettings settings = settings_of({server.url()});
  settings.polling_interval = Milliseconds(300);
  settings.pace.long_poll_retry = Milliseconds(1);
  settings.pace.early_answer = Milliseconds(30'000);
  Watched watched(settings);
  for (int i = 0; i < 2; ++i) {
    watched.next();
  }
  CHECK(watched.lines("event=long_poll_abandoned") == 1);
  server.set_waits(Waits::storm);
  CHECK(server.await_waits(server.waits() + 2));
  watched.next();
  CHECK(watched.lines("event=long_poll_resumed") == 0);
}

TEST_CASE("a service is read although the version answers 404") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  server.put("version", "");
  Watched watched(settings_of({server.url()}));
  CHECK(containers(watched.next()) == 1);
}

TEST_CASE("with watch off the polling interval may be longer than that of a server that does not long-poll") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  WatcherSettings settings = settings_of({server.url()});
  settings.watch = WatchMode::off;
  settings.polling_interval = Milliseconds(1'000);
  settings.pace.fallback_last = Milliseconds(1);
  const auto clock = std::make_shared<FakeWatchClock>();
  Watched watched(settings, clock);
  watched.next();
  CHECK(clock->pass_pause() == Milliseconds(1'000));
  watched.next();
}

TEST_CASE("a handler that throws causes a pause, and the next round requests the version again") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  const auto lines = std::make_shared<Lines>();
  const Log log(LogLevel::debug, LogFormat::text, lines);
  WatcherSettings settings = settings_of({server.url()});
  settings.pace.retry_last = Milliseconds(400);
  const auto clock = std::make_shared<FakeWatchClock>();
  int observed = 0;
  std::promise<void> observed_again;
  MetadataWatcher watcher(settings,
                          {.observed =
                               [&](const Observation&) {
                                 if (++observed == 2) {
                                   throw std::runtime_error("no memory");
                                 }
                                 if (observed == 3) {
                                   observed_again.set_value();
                                 }
                               },
                           .own_address_found = {}},
                          log, clock);
  watcher.start();
  CHECK(server.await_waits(1));
  server.reload();
  CHECK(clock->pass_pause() == settings.pace.min_gap);
  CHECK(clock->pass_pause() == settings.pace.retry_last);
  REQUIRE(observed_again.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  watcher.stop();
  CHECK(lines->count("event=metadata_watcher_failed") == 1);
  const auto targets = server.targets();
  CHECK(std::count(targets.begin(), targets.end(), "/latest/version") == 2);
}
