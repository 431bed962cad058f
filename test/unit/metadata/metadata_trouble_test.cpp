// What a watcher does while the metadata service is away, restarts, or answers what it should not.
#include <doctest/doctest.h>

#include <atomic>
#include <string>

#include "bad_bodies.hpp"
#include "fixtures.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "support/unit/scripted_metadata.hpp"
#include "watched.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::testing;
using Waits = ScriptedMetadata::Waits;

TEST_CASE("an_unavailable_metadata_service_is_a_failed_read_and_noticed_soon_after_it_returns") {
  ScriptedMetadata server;
  server.put("self/service", service_body("web", {1}));
  Watched watched(settings_of({server.url()}));
  watched.next();
  CHECK(server.await_requests(3));
  server.set_down(true);
  const Observation bad = watched.next();
  CHECK(reason(bad) == server.url() + ": connection closed without an answer");
  CHECK(bad.url.empty());
  watched.next_unknown();
  server.set_down(false);
  const TimePoint begin = Clock::now();
  CHECK(containers(watched.next_good()) == 1);
  CHECK(since(begin) < Milliseconds(2'000));
  CHECK(watched.lines("event=metadata_unavailable") == 1);
  CHECK(watched.lines("event=metadata_available") == 2);
  CHECK(watched.lines("event=long_poll_abandoned") == 0);
}

TEST_CASE("a_wait_that_a_restart_ended_is_not_sent_to_a_server_that_has_loaded_nothing") {
  using Request = ScriptedServer::Request;
  using Peer = ScriptedServer::Peer;
  std::atomic<int> asked_after_restart = 0;
  ScriptedServer server([&](const Request& request, Peer& peer) {
    const bool wait = contains(request.target, "wait=true");
    if (request.connection == 1 && wait) {
      return peer.close();
    }
    // A wait that begins while nothing is loaded stays for its whole time.
    if (wait) {
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
  const TimePoint begin = Clock::now();
  CHECK(contains(reason(watched.next()), "404"));
  CHECK(containers(watched.next_good()) == 2);
  CHECK(since(begin) < Milliseconds(2'000));
}

TEST_CASE(
    "each_of_several_restarts_is_noticed_and_got_over_at_once_and_none_counts_as_a_server_that_cannot_wait") {
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

TEST_CASE("waits_that_are_cut_off_are_repeated_at_the_polling_interval") {
  ScriptedServer server([](const ScriptedServer::Request& request, ScriptedServer::Peer& peer) {
    if (contains(request.target, "wait=true")) {
      return peer.close();
    }
    peer.answer(200, contains(request.target, "service") ? service_body("web", {1}) : "\"v1\"");
  });
  WatcherSettings settings = settings_of({server.url()});
  settings.polling_interval = Milliseconds(500);
  Watched watched(settings);
  const TimePoint begin = Clock::now();
  for (int i = 0; i < 5; ++i) {
    CHECK(containers(watched.next()) == 1);
  }
  CHECK(since(begin) >= Milliseconds(250 + 3 * 500 - 50));
  CHECK(watched.lines("event=long_poll_abandoned") == 0);
}

TEST_CASE("a_404_is_a_failed_read_until_the_next_version") {
  ScriptedMetadata server;
  WatcherSettings settings = settings_of({server.url()});
  settings.pace.retry_first = Milliseconds(5'000);
  Watched watched(settings);
  const Observation bad = watched.next();
  CHECK(contains(reason(bad), "404 at /latest/self/service: not joined yet"));
  CHECK(bad.url == server.url());
  CHECK(server.await_requests(3));
  const TimePoint begin = Clock::now();
  server.reload_with("self/service", service_body("web", {1}));
  CHECK(containers(watched.next()) == 1);
  CHECK(since(begin) < Milliseconds(1'000));
}

TEST_CASE("a_wait_while_reads_fail_lasts_no_longer_than_the_retry_delay") {
  ScriptedMetadata server;
  server.set_waits(Waits::for_ever);
  const TimePoint begin = Clock::now();
  Watched watched(settings_of({server.url()}));
  for (int i = 0; i < 3; ++i) {
    CHECK(contains(reason(watched.next()), "404 at /latest/self/service"));
  }
  CHECK(since(begin) >= Milliseconds(740));
  CHECK(since(begin) < Milliseconds(5'000));
  CHECK(watched.lines("event=long_poll_abandoned") == 0);
}

TEST_CASE("does_not_wait_while_nothing_is_loaded") {
  ScriptedServer server([](const ScriptedServer::Request&, ScriptedServer::Peer& peer) {
    peer.answer(404, fixture("not-found.json"));
  });
  const TimePoint begin = Clock::now();
  Watched watched(settings_of({server.url()}));
  for (int i = 0; i < 3; ++i) {
    CHECK(contains(reason(watched.next()), "404 at /latest/version: the metadata service has"));
  }
  CHECK(since(begin) >= Milliseconds(250 + 500 - 10));
  for (const auto& target : server.targets()) {
    CHECK_FALSE(contains(target, "wait"));
  }
}

TEST_CASE("invalid_answers_are_failed_reads_and_logged_once") {
  ScriptedMetadata server;
  server.put("self/service", "<html>");
  Watched watched(settings_of({server.url()}));
  for (int i = 0; i < 3; ++i) {
    CHECK(contains(reason(watched.next()), "looks like an HTML page"));
  }
  CHECK(watched.lines("event=metadata_unavailable") == 1);
}

TEST_CASE("no_bad_body_is_accepted_and_a_valid_one_after_each_is") {
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
    "a_later_url_only_adds_until_it_is_confirmed_and_the_earlier_one_is_trusted_as_soon_as_it_is_back") {
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
  Watched watched(settings);
  const auto trusted = [](const Observation& o) { return o.authority == membership::Authority::full; };
  const auto from = [](const ScriptedMetadata& metadata) {
    return [url = metadata.url()](const Observation& o) { return o.url == url; };
  };
  CHECK(trusted(watched.next_good()));
  first.set_down(true);
  const auto left = Clock::now();
  CHECK_FALSE(trusted(watched.next_that(from(second))));
  CHECK(watched.next_that(trusted).url == second.url());
  CHECK(since(left) >= Milliseconds(300));
  first.set_down(false);
  CHECK(trusted(watched.next_that(from(first))));
  CHECK(since(left) >= Milliseconds(1'000));
  CHECK(watched.lines("only adds peers") == 1);
}

TEST_CASE("a_failed_round_restarts_the_confirmation_of_a_later_url") {
  ScriptedMetadata second;
  second.put("self/service", service_body("web", {1}));
  auto settings = settings_of({url_where_nobody_listens(), second.url()});
  settings.watch = WatchMode::off;
  settings.polling_interval = Milliseconds(20);
  settings.pace.min_gap = Milliseconds(10);
  settings.url_confirmation = Milliseconds(2'000);
  Watched watched(settings);
  const auto begin = Clock::now();
  watched.next_good();
  while (since(begin) < Milliseconds(1'000)) {
    watched.next_good();
  }
  second.set_down(true);
  watched.next_unknown();
  const auto failed = Clock::now();
  second.set_down(false);
  Observation observation = watched.next_good();
  while (observation.authority == membership::Authority::may_only_add) {
    observation = watched.next_good();
  }
  CHECK(since(failed) >= Milliseconds(2'000));
}
