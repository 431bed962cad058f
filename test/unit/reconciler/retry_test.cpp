// When a peer that failed is tried again, and in whose turn.
#include <doctest/doctest.h>

#include <cstdint>

#include "rancher_cnode/reconciler/reconciler.hpp"
#include "support/unit/driver.hpp"

namespace rancher_cnode::reconciler {
namespace {

using namespace std::chrono_literals;
using samples::desired;
using samples::Driver;
using samples::driving_node_1;
using samples::first_nodes;
using samples::nodes;
using samples::peers_of;
using samples::with_a_long_wait;

TEST_CASE("retry delays double from the first to the limit, with jitter in the upper half") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  Milliseconds longest = 100ms;
  for (int attempt = 0; attempt < 20; ++attempt) {
    CAPTURE(attempt);
    REQUIRE(driver.probes.size() == 1);
    driver.answer_probe(ProbeOutcome::no_answer);
    const Duration wait = driver.peer(2)->next_try.value() - driver.now;
    CHECK(wait <= longest);
    CHECK(wait >= longest / 2);
    longest = std::min<Milliseconds>(longest * 2, 10s);
    driver.pass(std::chrono::ceil<Milliseconds>(wait));
  }
}

TEST_CASE("the waits of two seeds differ, those of one seed do not") {
  const auto first_wait = [](std::uint64_t seed) {
    ReconcilerSettings settings = driving_node_1();
    settings.seed = seed;
    Driver driver(settings);
    driver.begin(desired(nodes({2})));
    driver.answer_probe(ProbeOutcome::no_answer);
    return driver.peer(2)->next_try.value();
  };
  CHECK(first_wait(1) == first_wait(1));
  CHECK(first_wait(1) != first_wait(2));
}

TEST_CASE("a peer that is listed anew starts over") {
  Driver driver = with_a_long_wait();
  driver.step(event::DesiredChanged{desired(nodes({1}))});
  CHECK_FALSE(driver.peer(2));
  driver.step(event::DesiredChanged{desired(nodes({2}))});
  CHECK(driver.probes.size() == 1);
  CHECK(driver.peer(2)->attempts == 0);
}

TEST_CASE("peers that are listed later are dialled, wherever their names sort") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({4})));
  driver.step(event::DesiredChanged{desired(nodes({2, 4, 6}))});
  driver.step(event::DesiredChanged{desired(nodes({2, 3, 4, 5, 6, 7}))});
  CHECK(peers_of(driver.probes) == nodes({2, 3, 4, 5, 6, 7}));
  CHECK(driver.reconciler().peers().size() == 6);
}

TEST_CASE("a held peer that becomes dialable again starts over") {
  Driver driver = with_a_long_wait();
  driver.step(event::DesiredChanged{samples::holding(nodes({2}))});
  driver.step(event::DesiredChanged{desired(nodes({2}))});
  REQUIRE(driver.probes.size() == 1);
  CHECK(driver.peer(2)->attempts == 0);
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(driver.peer(2)->next_try.value() - driver.now <= 100ms);
}

TEST_CASE("a connected peer has no failed attempts") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.answer_probe(ProbeOutcome::no_answer);
  REQUIRE(driver.peer(2)->attempts == 1);
  driver.pass(100ms);
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_dial(DialOutcome::connected);
  driver.answer_list({2});
  CHECK(driver.peer(2)->attempts == 0);
}

/// The connection to peer 2 comes, lasts, and drops; returns what happens until it is dialled again.
Duration lose_again(Driver& driver, Milliseconds lasts) {
  while (driver.probes.empty()) {
    if (!driver.lists.empty()) {
      driver.answer_list({});
    }
    driver.pass(10ms);
  }
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_dial(DialOutcome::connected);
  const TimePoint came = driver.now;
  while (driver.now < came + lasts) {
    while (!driver.lists.empty()) {
      driver.answer_list({2});
    }
    driver.pass(100ms);
  }
  while (driver.state(2) == PeerState::connected) {
    if (!driver.lists.empty()) {
      driver.answer_list({});
    }
    driver.pass(10ms);
  }
  const TimePoint lost = driver.now;
  while (driver.probes.empty()) {
    while (!driver.lists.empty()) {
      driver.answer_list({});
    }
    driver.pass(10ms);
  }
  return driver.now - lost;
}

TEST_CASE("a connection that drops again and again is dialled ever less often, until one has lasted") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  for (int loss = 1; loss <= 5; ++loss) {
    CHECK(lose_again(driver, 3s) <= 20ms);
  }
  Milliseconds longest = 400ms;
  for (int loss = 6; loss <= 15; ++loss) {
    CAPTURE(loss);
    const Duration wait = lose_again(driver, 3s);
    CHECK(wait >= longest / 2 - 20ms);
    CHECK(wait <= longest + 20ms);
    longest = std::min<Milliseconds>(longest * 2, 10s);
  }
  CHECK(lose_again(driver, 58s) >= 4'980ms);
  // The drop of one that has lasted is the first of a new row.
  CHECK(lose_again(driver, 61s) <= 20ms);
  for (int loss = 2; loss <= 5; ++loss) {
    CHECK(lose_again(driver, 3s) <= 20ms);
  }
  CHECK(lose_again(driver, 3s) >= 180ms);
  CHECK(driver.peer(2)->reason == "the connection drops again and again");
}

TEST_CASE("a connection that drops after exactly the time that counts as lasting has lasted") {
  ReconcilerSettings settings = driving_node_1();
  settings.lasting = 2s;
  settings.prompt_redials = 1;
  Driver driver(settings);
  driver.begin(desired(nodes({2})));
  CHECK(lose_again(driver, 1s) <= 20ms);
  driver.answer_probe(ProbeOutcome::found);
  while (!driver.lists.empty()) {
    driver.answer_list({});
  }
  driver.answer_dial(DialOutcome::connected);
  driver.answer_list({2});
  for (const std::initializer_list<int> connected :
       {std::initializer_list<int>{2}, std::initializer_list<int>{}}) {
    driver.pass(1s);
    REQUIRE(driver.lists.size() == 1);
    driver.answer_list(connected);
  }
  CHECK(driver.probes.size() == 1);
}

TEST_CASE("the first wait after a connection that held is short, whatever failed before it came up") {
  Driver driver = with_a_long_wait();
  driver.pass(10s);
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_dial(DialOutcome::connected);
  driver.answer_list({});
  driver.answer_list({2});
  driver.pass(1s);
  driver.answer_list({});
  REQUIRE(driver.probes.size() == 1);
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(driver.peer(2)->next_try.value() - driver.now <= 100ms);
}

TEST_CASE("a target that restarts starts the count of dropped connections over") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  for (int loss = 1; loss <= 5; ++loss) {
    CHECK(lose_again(driver, 3s) <= 20ms);
  }
  driver.step(event::TargetDown{});
  driver.lists.clear();
  driver.step(event::TargetUp{});
  driver.answer_list({});
  CHECK(lose_again(driver, 3s) <= 20ms);
}

/// Node 2 is registered at `port` and refuses every dial for `time`. Returns how often it was dialled.
int dials_refused(Driver& driver, Milliseconds time, std::uint16_t port = 4711) {
  int dials = 0;
  for (const TimePoint end = driver.now + time; driver.now < end; driver.pass(100ms)) {
    if (driver.now.time_since_epoch() % 1s == 0s) {
      driver.step(event::ExternalChange{});
    }
    while (!driver.lists.empty()) {
      driver.answer_list({});
    }
    while (!driver.probes.empty()) {
      driver.answer_probe(ProbeOutcome::found, port);
    }
    while (!driver.dials.empty()) {
      ++dials;
      driver.answer_dial(DialOutcome::refused);
    }
  }
  return dials;
}

TEST_CASE(
    "a peer that refuses is dialled ever less often, down to once in 15 minutes, whatever changes outside") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  const int in_the_first_hour = dials_refused(driver, 1h);
  CHECK(in_the_first_hour >= 13);
  CHECK(in_the_first_hour <= 21);
  const int in_five_hours = dials_refused(driver, 5h);
  CHECK(in_five_hours >= 5 * 4);
  CHECK(in_five_hours <= 5 * 8);
}

TEST_CASE("a peer that refused is dialled at once when it is registered anew, and then as if it were new") {
  for (const bool seen_absent : {false, true}) {
    CAPTURE(seen_absent);
    Driver driver(driving_node_1());
    driver.begin(desired(nodes({2})));
    dials_refused(driver, 1h);
    while (driver.probes.empty()) {
      driver.pass(100ms);
    }
    if (seen_absent) {
      driver.answer_probe(ProbeOutcome::not_registered);
      driver.pass(10s);
    }
    driver.answer_probe(ProbeOutcome::found, seen_absent ? 4711 : 4712);
    CHECK(driver.dials.size() == 1);
    driver.answer_dial(DialOutcome::refused);
    CHECK(dials_refused(driver, 100s, seen_absent ? 4711 : 4712) >= 5);
  }
}

TEST_CASE("a peer that cannot be told from an absent one keeps the pace of those") {
  ReconcilerSettings settings = driving_node_1();
  settings.probe = ProbeMode::off;
  Driver driver(settings);
  driver.begin(desired(nodes({2})));
  CHECK(dials_refused(driver, 1h) >= 360);
}

TEST_CASE("a new peer is not starved by thousands of dead ones, nor are they by new ones") {
  ReconcilerSettings settings = driving_node_1();
  settings.max_dials = 8;
  Driver driver(settings);
  const std::set<NodeName> old = first_nodes(1'000);
  driver.begin(desired(old));
  for (int i = 0; i < 1'000; ++i) {
    driver.answer_probe(ProbeOutcome::no_answer);
  }
  driver.pass(30s);  // all of them are due again
  driver.step(event::DesiredChanged{desired(first_nodes(1'400))});
  for (int i = 0; i < 8; ++i) {
    driver.answer_probe(ProbeOutcome::no_answer);  // those that were in flight
  }
  int fresh = 0;
  int retries = 0;
  for (int i = 0; i < 400; ++i) {
    (old.contains(driver.probes.front().peer) ? retries : fresh)++;
    driver.answer_probe(ProbeOutcome::no_answer);
  }
  CHECK(fresh >= 290);
  CHECK(retries >= 90);
}

}  // namespace
}  // namespace rancher_cnode::reconciler
