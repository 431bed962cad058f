// A peer is not dialled while a member that it would connect to cannot be looked up: `global` would cut that
// member off.
#include <doctest/doctest.h>

#include "rancher_cnode/reconciler/reconciler.hpp"
#include "support/unit/driver.hpp"

namespace rancher_cnode::reconciler {
namespace {

using namespace std::chrono_literals;
using membership::OwnMembership;
using samples::desired;
using samples::Driver;
using samples::node;
using samples::nodes;
using samples::peers_of;

ReconcilerSettings holding_newcomers() { return ReconcilerSettings{.target = node(1)}; }

/// The target is connected to 2 and 3 for a while, then 4 is listed.
Driver with_newcomer_4(ReconcilerSettings settings = holding_newcomers()) {
  Driver driver(std::move(settings));
  driver.answers_inspections = false;
  driver.begin(desired(nodes({2, 3})), {2, 3});
  driver.pass(10s);
  while (!driver.lists.empty()) {
    driver.answer_list({2, 3});
  }
  driver.step(event::DesiredChanged{desired(nodes({2, 3, 4}))});
  return driver;
}

/// Answers every list with `connected`, every probe of `absent` as refused, and the others as found, for
/// `time`.
void pass(Driver& driver, Milliseconds time, std::initializer_list<int> connected,
          const std::set<NodeName>& absent) {
  for (const TimePoint end = driver.now + time; driver.now < end && driver.dials.empty();
       driver.pass(100ms)) {
    while (!driver.lists.empty()) {
      driver.answer_list(connected);
    }
    while (!driver.probes.empty()) {
      driver.answer_probe(absent.contains(driver.probes.front().peer) ? ProbeOutcome::refused
                                                                      : ProbeOutcome::found);
    }
  }
}

TEST_CASE("connected members are probed before a newcomer is dialled, which waits for that alone") {
  Driver driver = with_newcomer_4();
  REQUIRE(peers_of(driver.probes) == nodes({4}));
  driver.answer_probe(ProbeOutcome::found);
  CHECK(peers_of(driver.probes) == nodes({2, 3}));
  CHECK(driver.dials.empty());
  CHECK(driver.state(2) == PeerState::connected);
  CHECK(driver.state(4) == PeerState::queued);
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.dials.empty());
  driver.answer_probe(ProbeOutcome::found);
  CHECK(peers_of(driver.dials) == nodes({4}));
  CHECK(driver.reconciler().counters().inspections == 0);
}

TEST_CASE("members that were found within the last half second are not probed again") {
  for (const auto& [since, again] : {std::pair{500ms, false}, {501ms, true}}) {
    Driver driver = with_newcomer_4();
    const TimePoint found = driver.now;
    for (int probe = 0; probe < 3; ++probe) {
      driver.answer_probe(ProbeOutcome::found);
    }
    driver.answer_dial(DialOutcome::connected);
    while (!driver.lists.empty()) {
      driver.answer_list({2, 3, 4});
    }
    driver.step(event::DesiredChanged{desired(nodes({2, 3, 4, 5}))});
    const ActionId first_probe = driver.probes.at(0).id;
    while (driver.now < found + since) {
      driver.pass(1ms);
      while (!driver.lists.empty()) {
        driver.answer_list({2, 3, 4});
      }
    }
    driver.step(event::Probed{first_probe, ProbeOutcome::found, 4711});
    driver.probes.erase(driver.probes.begin());
    CHECK(driver.dials.empty() == again);
    CHECK(driver.probes.empty() != again);
  }
}

TEST_CASE(
    "a newcomer that is not connected to a member without epmd waits until that member is found again") {
  Driver driver = with_newcomer_4();
  pass(driver, 100ms, {2, 3}, nodes({3}));
  REQUIRE(peers_of(driver.inspections) == nodes({4}));
  driver.answer_inspection(InspectOutcome::clear, {2});
  pass(driver, 5s, {2, 3}, nodes({3}));
  CHECK(driver.dials.empty());
  CHECK(driver.state(4) == PeerState::held);
  CHECK(driver.peer(4)->reason.find("epmd of a member") != std::string_view::npos);
  CHECK(driver.state(3) == PeerState::connected);
  CHECK_FALSE(driver.reconciler().has_synced());
  pass(driver, 1'100ms, {2, 3}, {});
  CHECK(peers_of(driver.dials) == nodes({4}));
}

TEST_CASE("a newcomer waits for its patience at most, once") {
  Driver driver = with_newcomer_4();
  pass(driver, 100ms, {2, 3}, nodes({3}));
  const TimePoint held = driver.now;
  driver.answer_inspection(InspectOutcome::clear);
  pass(driver, 30s, {2, 3}, nodes({3}));
  REQUIRE(peers_of(driver.dials) == nodes({4}));
  CHECK(driver.now - held >= 10s);
  CHECK(driver.now - held <= 10'200ms);
  driver.answer_dial(DialOutcome::refused);
  const TimePoint refused = driver.now;
  while (driver.dials.empty()) {
    pass(driver, 100ms, {2, 3}, nodes({3}));
    while (!driver.inspections.empty()) {
      driver.answer_inspection(InspectOutcome::clear);
    }
  }
  CHECK(driver.now - refused <= 500ms);
}

TEST_CASE("a newcomer that is connected to the member without epmd already is dialled") {
  Driver driver = with_newcomer_4();
  pass(driver, 100ms, {2, 3}, nodes({3}));
  driver.answer_inspection(InspectOutcome::clear, {3});
  CHECK(peers_of(driver.dials) == nodes({4}));
}

TEST_CASE("a newcomer that cannot be inspected is dialled after the third attempt, and not inspected again") {
  Driver driver = with_newcomer_4();
  for (int attempt = 1; attempt <= 3; ++attempt) {
    CAPTURE(attempt);
    while (driver.inspections.empty()) {
      REQUIRE(driver.dials.empty());
      pass(driver, 100ms, {2, 3}, nodes({3}));
    }
    driver.answer_inspection(InspectOutcome::no_answer);
    CHECK((attempt == 3 || driver.dials.empty()));
  }
  pass(driver, 1s, {2, 3}, nodes({3}));
  driver.answer_dial(DialOutcome::refused);
  pass(driver, 1s, {2, 3}, nodes({3}));
  CHECK(peers_of(driver.dials) == nodes({4}));
  CHECK(driver.reconciler().counters().inspections == 3);
}

TEST_CASE(
    "the target is the newcomer: it waits for what its peer is connected to, not for those who are dead") {
  for (const int peers_connection : {3, 4}) {
    CAPTURE(peers_connection);
    Driver driver(holding_newcomers());
    driver.answers_inspections = false;
    driver.begin(desired(nodes({2, 3, 4})));
    REQUIRE(peers_of(driver.probes) == nodes({2, 3, 4}));
    driver.answer_probe(ProbeOutcome::found);
    // 3 and 4 have not answered yet.
    REQUIRE(peers_of(driver.inspections) == nodes({2}));
    driver.answer_probe(ProbeOutcome::not_registered);
    driver.answer_probe(ProbeOutcome::found);
    REQUIRE(peers_of(driver.inspections) == nodes({2, 4}));
    CHECK(driver.dials.empty());
    driver.answer_inspection(InspectOutcome::clear, {peers_connection});
    // 3 is in doubt, 4 was found just now.
    CHECK(driver.dials.empty() == (peers_connection == 3));
    if (peers_connection == 3) {
      pass(driver, 3s, {}, nodes({3}));
      CHECK(driver.dials.empty());
      pass(driver, 2s, {}, {});
      CHECK(driver.dials.size() > 0);
    }
  }
}

TEST_CASE(
    "a newcomer that is connected by another way meanwhile, is unlisted, or loses its target is forgotten") {
  const auto held = [] {
    Driver driver = with_newcomer_4();
    pass(driver, 100ms, {2, 3}, nodes({3}));
    driver.answer_inspection(InspectOutcome::clear);
    pass(driver, 1s, {2, 3}, nodes({3}));
    REQUIRE(driver.dials.empty());
    return driver;
  };
  Driver connected = held();
  pass(connected, 20s, {2, 3, 4}, nodes({3}));
  CHECK(connected.state(4) == PeerState::connected);
  CHECK(connected.reconciler().counters().dials == 0);

  Driver unlisted = held();
  unlisted.step(event::DesiredChanged{desired(nodes({2, 3}))});
  pass(unlisted, 20s, {2, 3}, nodes({3}));
  CHECK_FALSE(unlisted.peer(4));
  CHECK(unlisted.reconciler().counters().dials == 0);

  Driver restarted = held();
  restarted.step(event::TargetDown{});
  restarted.lists.clear();
  restarted.pass(20s);
  restarted.step(event::TargetUp{});
  restarted.answer_list({});
  CHECK(restarted.state(4) == PeerState::probing);

  Driver alone = held();
  alone.step(event::DesiredChanged{desired(nodes({2, 3, 4}), {}, OwnMembership::missing)});
  pass(alone, 20s, {2, 3}, nodes({3}));
  CHECK(alone.dials.empty());
  alone.step(event::DesiredChanged{desired(nodes({2, 3, 4}))});
  pass(alone, 20s, {2, 3}, {});
  CHECK(peers_of(alone.dials) == nodes({4}));
}

TEST_CASE("probes of connected members keep to the slots, and the newcomer gets its own once they are done") {
  ReconcilerSettings settings = holding_newcomers();
  settings.max_dials = 1;
  Driver driver = with_newcomer_4(settings);
  driver.answer_probe(ProbeOutcome::found);
  for (int member = 0; member < 2; ++member) {
    CHECK(driver.in_flight() == 1);
    CHECK(driver.dials.empty());
    driver.answer_probe(ProbeOutcome::found);
  }
  CHECK(peers_of(driver.dials) == nodes({4}));
}

TEST_CASE("a member whose epmd does not answer stays connected, and is reported as before") {
  Driver driver = with_newcomer_4();
  pass(driver, 5s, {2, 3}, nodes({2, 3}));
  for (const int member : {2, 3}) {
    CHECK(driver.state(member) == PeerState::connected);
    CHECK(driver.peer(member)->reason.empty());
    CHECK(driver.peer(member)->attempts == 0);
  }
}

TEST_CASE("without epmd a newcomer waits for a member that cannot be reached") {
  ReconcilerSettings settings = holding_newcomers();
  settings.probe = ProbeMode::port;
  Driver driver = with_newcomer_4(settings);
  pass(driver, 100ms, {2, 3}, nodes({3}));
  REQUIRE(peers_of(driver.inspections) == nodes({4}));
  driver.answer_inspection(InspectOutcome::clear, {2});
  pass(driver, 5s, {2, 3}, nodes({3}));
  CHECK(driver.dials.empty());
  CHECK(driver.peer(4)->reason == "waits while a member that it would connect to cannot be reached");
  pass(driver, 1'100ms, {2, 3}, {});
  CHECK(peers_of(driver.dials) == nodes({4}));
}

TEST_CASE("where nothing is probed no newcomer waits") {
  ReconcilerSettings settings = holding_newcomers();
  settings.probe = ProbeMode::off;
  CHECK(peers_of(with_newcomer_4(settings).dials) == nodes({4}));
}

}  // namespace
}  // namespace rancher_cnode::reconciler
