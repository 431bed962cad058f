// What an external change does to peers that wait: the metadata changed, or a connection came by itself.
#include <doctest/doctest.h>

#include "rancher_cnode/reconciler/reconciler.hpp"
#include "support/unit/driver.hpp"

namespace rancher_cnode::reconciler {
namespace {

using namespace std::chrono_literals;
using samples::desired;
using samples::Driver;
using samples::driving_node_1;
using samples::node;
using samples::nodes;
using samples::peers_of;
using samples::with_a_long_wait;

TEST_CASE("news make waiting peers due at once, and delays start over") {
  Driver driver = with_a_long_wait();
  REQUIRE(driver.probes.empty());
  driver.step(event::ExternalChange{});
  REQUIRE(driver.probes.size() == 1);
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(driver.peer(2)->next_try.value() - driver.now <= 100ms);
}

TEST_CASE("without probes news start the delays of dials over") {
  ReconcilerSettings settings = driving_node_1();
  settings.probe = ProbeMode::off;
  Driver driver(settings);
  driver.begin(desired(nodes({2})));
  for (int attempt = 0; attempt < 6; ++attempt) {
    driver.answer_dial(DialOutcome::refused);
    driver.pass(std::chrono::ceil<Milliseconds>(driver.peer(2)->next_try.value() - driver.now));
  }
  driver.step(event::ExternalChange{});
  driver.answer_dial(DialOutcome::refused);
  CHECK(driver.peer(2)->next_try.value() - driver.now <= 100ms);
}

TEST_CASE("peers that the first list shows are no news: the next ones act at once") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2, 3})), {3});
  for (int attempt = 0; attempt < 4; ++attempt) {
    driver.answer_probe(ProbeOutcome::no_answer);
    driver.pass(std::chrono::ceil<Milliseconds>(driver.peer(2)->next_try.value() - driver.now));
  }
  driver.answer_probe(ProbeOutcome::no_answer);
  driver.step(event::ExternalChange{});
  CHECK(driver.probes.size() == 1);
}

TEST_CASE("news while a probe is in flight count for it too") {
  Driver driver = with_a_long_wait();
  driver.pass(10s);
  REQUIRE(driver.probes.size() == 1);
  driver.step(event::ExternalChange{});
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(driver.peer(2)->next_try.value() - driver.now <= 100ms);
}

TEST_CASE("news act at most once in their interval, and none is lost") {
  Driver driver = with_a_long_wait();
  driver.step(event::ExternalChange{});
  REQUIRE(driver.probes.size() == 1);
  driver.pass(1s);
  driver.step(event::ExternalChange{});  // for the probe that is out
  const TimePoint second = driver.now;
  driver.answer_probe(ProbeOutcome::no_answer);
  while (driver.now < second + 3'900ms) {
    driver.pass(100ms);
    while (!driver.probes.empty()) {
      driver.answer_probe(ProbeOutcome::no_answer);
    }
  }
  CHECK(driver.peer(2)->next_try.value() - driver.now > 200ms);
  driver.pass(100ms);
  CHECK(driver.probes.size() == 1);
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(driver.peer(2)->next_try.value() - driver.now <= 100ms);
}

TEST_CASE("a peer that came up by itself is news for those that wait") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2, 3})));
  for (int attempt = 0; attempt < 10; ++attempt) {
    while (!driver.probes.empty()) {
      driver.answer_probe(ProbeOutcome::no_answer);
    }
    driver.pass(11s);
    if (!driver.lists.empty()) {
      driver.answer_list({});
    }
  }
  while (!driver.probes.empty()) {
    driver.answer_probe(ProbeOutcome::no_answer);
  }
  driver.pass(1s);
  REQUIRE(driver.lists.size() == 1);
  REQUIRE(driver.probes.empty());
  driver.answer_list({3});
  CHECK(peers_of(driver.probes) == nodes({2}));
}

/// Peer 3 waits for long, and a probe of peer 2 is in flight. Of 2 there were dials before.
Driver with_one_waiting_and_one_in_flight() {
  ReconcilerSettings settings = driving_node_1();
  settings.refusal_limit = settings.retry_limit;
  Driver driver(settings);
  driver.begin(desired(nodes({2, 3})));
  for (int second = 0; second < 60; ++second) {
    while (!driver.probes.empty()) {
      driver.answer_probe(driver.probes.front().peer == node(2) ? ProbeOutcome::found
                                                                : ProbeOutcome::no_answer);
    }
    while (!driver.dials.empty()) {
      driver.answer_dial(DialOutcome::refused);
    }
    if (!driver.lists.empty()) {
      driver.answer_list({});
    }
    driver.pass(1s);
  }
  while (peers_of(driver.probes) != nodes({2}) || driver.lists.empty()) {
    while (!driver.probes.empty()) {
      driver.answer_probe(ProbeOutcome::no_answer);
    }
    if (!driver.lists.empty()) {
      driver.answer_list({});
    }
    driver.pass(100ms);
  }
  return driver;
}

TEST_CASE("a peer that comes up while it is probed came up by itself") {
  Driver driver = with_one_waiting_and_one_in_flight();
  driver.answer_list({2});
  CHECK(peers_of(driver.probes) == nodes({2, 3}));
}

TEST_CASE("a peer that comes up while it waits for a retry of its dial came up by itself") {
  Driver driver = with_one_waiting_and_one_in_flight();
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_dial(DialOutcome::refused);
  driver.answer_list({2});
  CHECK(peers_of(driver.probes) == nodes({3}));
}

TEST_CASE("a peer that comes up while it is dialled did not come up by itself") {
  Driver driver = with_one_waiting_and_one_in_flight();
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_list({2});
  CHECK(driver.state(2) == PeerState::connected);
  CHECK(driver.state(3) == PeerState::waiting);
}

TEST_CASE("an external change hurries once") {
  Driver driver = with_a_long_wait();
  driver.step(event::ExternalChange{});
  for (int tenth = 0; tenth < 300; ++tenth) {
    while (!driver.probes.empty()) {
      driver.answer_probe(ProbeOutcome::no_answer);
    }
    driver.pass(100ms);
  }
  CHECK(driver.peer(2)->attempts <= 11 + 10);
}

}  // namespace
}  // namespace rancher_cnode::reconciler
