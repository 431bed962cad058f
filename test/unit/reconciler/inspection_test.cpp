// A peer that the target has lost is inspected before it is dialled again, for it may still hold the old
// connection.
#include <doctest/doctest.h>

#include "rancher_cnode/reconciler/reconciler.hpp"
#include "support/unit/driver.hpp"

namespace rancher_cnode::reconciler {
namespace {

using namespace std::chrono_literals;
using samples::desired;
using samples::Driver;
using samples::driving_node_1;
using samples::nodes;
using samples::peers_of;

/// Node 2 was connected for a while, was lost, and its epmd answers.
Driver with_lost_2(ReconcilerSettings settings = driving_node_1()) {
  Driver driver(std::move(settings));
  driver.answers_inspections = false;
  driver.begin(desired(nodes({2, 3})), {2, 3});
  driver.pass(5s);
  driver.answer_list({3});
  if (!driver.probes.empty()) {
    driver.answer_probe(ProbeOutcome::found);
  }
  return driver;
}

TEST_CASE("a lost peer is inspected, and dialled once that is clear or it was refreshed") {
  for (const auto outcome : {InspectOutcome::clear, InspectOutcome::refreshed}) {
    Driver driver = with_lost_2();
    CHECK(driver.dials.empty());
    CHECK(peers_of(driver.inspections) == nodes({2}));
    CHECK(driver.state(2) == PeerState::inspecting);
    driver.answer_inspection(outcome);
    CHECK(peers_of(driver.dials) == nodes({2}));
    CHECK(driver.reconciler().counters().inspections == 1);
  }
}

TEST_CASE("a lost peer is inspected where nothing is probed, too") {
  ReconcilerSettings settings = driving_node_1();
  settings.probe = ProbeMode::off;
  Driver driver = with_lost_2(settings);
  CHECK(peers_of(driver.inspections) == nodes({2}));
  driver.answer_inspection(InspectOutcome::clear);
  CHECK(peers_of(driver.dials) == nodes({2}));
}

TEST_CASE("a peer that was never connected is dialled without an inspection") {
  Driver driver(driving_node_1());
  driver.answers_inspections = false;
  driver.begin(desired(nodes({2})));
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.inspections.empty());
  CHECK(driver.dials.size() == 1);
}

TEST_CASE("a peer that was inspected is not inspected again before it is lost again") {
  Driver driver = with_lost_2();
  driver.answer_inspection(InspectOutcome::clear);
  driver.answer_dial(DialOutcome::refused);
  while (driver.probes.empty()) {
    driver.pass(10ms);
  }
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.inspections.empty());
  CHECK(driver.dials.size() == 1);
  driver.answer_dial(DialOutcome::connected);
  while (!driver.lists.empty()) {
    driver.answer_list({2, 3});
  }
  driver.pass(5s);
  driver.answer_list({3});
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.inspections.size() == 1);
}

TEST_CASE(
    "a peer that still holds the old connection, or does not answer, waits, and is dialled at the third "
    "time") {
  for (const auto outcome : {InspectOutcome::stale, InspectOutcome::no_answer}) {
    Driver driver = with_lost_2();
    for (int attempt = 1; attempt < 3; ++attempt) {
      REQUIRE(driver.inspections.size() == 1);
      driver.answer_inspection(outcome);
      CHECK(driver.dials.empty());
      CHECK(driver.state(2) == PeerState::waiting);
      CHECK_FALSE(driver.peer(2)->reason.empty());
      while (driver.probes.empty()) {
        driver.pass(10ms);
      }
      driver.answer_probe(ProbeOutcome::found);
    }
    driver.answer_inspection(outcome);
    CHECK(driver.dials.size() == 1);
  }
}

TEST_CASE("a peer that is connected again by itself during its inspection is not dialled") {
  Driver driver = with_lost_2();
  driver.pass(1s);
  while (!driver.lists.empty()) {
    driver.answer_list({2, 3});
  }
  driver.answer_inspection(InspectOutcome::clear);
  CHECK(driver.dials.empty());
  CHECK(driver.state(2) == PeerState::connected);
}

TEST_CASE("a target that restarts has lost nobody, and an inspection that is out then keeps its slot") {
  ReconcilerSettings settings = driving_node_1();
  settings.max_dials = 1;
  Driver driver = with_lost_2(settings);
  REQUIRE(driver.inspections.size() == 1);
  driver.step(event::TargetDown{});
  driver.lists.clear();
  driver.step(event::TargetUp{});
  driver.answer_list({});
  CHECK(driver.probes.empty());
  driver.answer_inspection(InspectOutcome::stale);
  driver.pass(10s);
  while (!driver.probes.empty() && driver.dials.empty()) {
    driver.answer_probe(ProbeOutcome::found);
  }
  CHECK(driver.dials.size() == 1);
  CHECK(driver.inspections.empty());
}

TEST_CASE("a peer that leaves and is listed again is dialled like a new one, whatever was in flight for it") {
  for (const bool answered : {true, false}) {
    CAPTURE(answered);
    Driver driver = with_lost_2();
    if (answered) {
      driver.answer_inspection(InspectOutcome::stale);
    }
    driver.step(event::DesiredChanged{desired(nodes({3}))});
    if (!answered) {
      driver.answer_inspection(InspectOutcome::stale);
    }
    driver.step(event::DesiredChanged{desired(nodes({2, 3}))});
    driver.answer_probe(ProbeOutcome::found);
    CHECK(driver.inspections.empty());
    CHECK(peers_of(driver.dials) == nodes({2}));
  }
}

TEST_CASE("a lost peer that is a member no longer is not dialled after its inspection") {
  Driver driver = with_lost_2();
  driver.step(event::DesiredChanged{desired(nodes({3}))});
  driver.answer_inspection(InspectOutcome::clear);
  CHECK(driver.dials.empty());
}

}  // namespace
}  // namespace rancher_cnode::reconciler
