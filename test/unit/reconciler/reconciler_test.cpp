// How connections are made. What is done about departed peers is in departure_test.cpp.
#include "rancher_cnode/reconciler/reconciler.hpp"

#include <doctest/doctest.h>

#include "support/unit/driver.hpp"

namespace rancher_cnode::reconciler {
namespace {

using namespace std::chrono_literals;
using membership::Desired;
using membership::OwnMembership;
using samples::desired;
using samples::Driver;
using samples::driving_node_1;
using samples::first_nodes;
using samples::node;
using samples::nodes;
using samples::peers_of;

TEST_CASE(
    "nothing is done before the target is up, and nothing is dialled before its connections are known") {
  Driver driver(driving_node_1());
  driver.step(event::DesiredChanged{desired(nodes({1, 2}))});
  driver.pass(1min);
  CHECK(driver.lists.empty());
  CHECK(driver.reconciler().next_wake() == TimePoint::max());

  driver.step(event::TargetUp{});
  CHECK(driver.lists.size() == 1);
  driver.pass(1min);
  CHECK(driver.lists.size() == 1);
  CHECK(driver.in_flight() == 0);
}

TEST_CASE(
    "what is missing is probed, what answers is dialled at once, what is connected already is left alone") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2, 3, 4})), {3});
  CHECK(peers_of(driver.probes) == nodes({2, 4}));
  CHECK(driver.state(3) == PeerState::connected);
  driver.answer_probe(ProbeOutcome::found);
  CHECK(peers_of(driver.dials) == nodes({2}));
  CHECK(driver.state(2) == PeerState::dialling);
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(driver.dials.size() == 1);
}

TEST_CASE("the target is never dialled, nor what is no dialable member") {
  Driver driver(driving_node_1());
  driver.begin(samples::holding(nodes({3}), nodes({1, 2})), {7, 8});
  CHECK(peers_of(driver.probes) == nodes({2}));
  CHECK(driver.state(3) == PeerState::held);
  CHECK_FALSE(driver.peer(1));
  CHECK_FALSE(driver.peer(7));
}

TEST_CASE("without probes the dial comes at once") {
  ReconcilerSettings settings = driving_node_1();
  settings.probe = ProbeMode::off;
  Driver driver(settings);
  driver.begin(desired(nodes({1, 2, 3})));
  CHECK(driver.probes.empty());
  CHECK(peers_of(driver.dials) == nodes({2, 3}));
  driver.answer_dial(DialOutcome::refused);
  CHECK(driver.peer(2)->reason == "the dial failed");
}

TEST_CASE("never more than the limit in flight, and a probe hands its place to the dial") {
  ReconcilerSettings settings = driving_node_1();
  settings.max_dials = 4;
  Driver driver(settings);
  driver.begin(desired(first_nodes(100)));
  CHECK(driver.probes.size() == 4);
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.probes.size() == 3);
  CHECK(driver.dials.size() == 1);
  driver.answer_dial(DialOutcome::connected);
  CHECK(driver.in_flight() == 4);
}

TEST_CASE("32 probes and dials are in flight at most by default") {
  Driver driver(driving_node_1());
  driver.begin(desired(first_nodes(100)));
  CHECK(driver.in_flight() == 32);
}

TEST_CASE("each failure has its reason in words") {
  const struct {
    ProbeOutcome probe;
    DialOutcome dial;
    std::string_view reason;
  } rows[] = {{ProbeOutcome::no_answer, {}, "the peer's epmd does not answer"},
              {ProbeOutcome::refused, {}, "the peer's epmd refuses the connection"},
              {ProbeOutcome::not_registered, {}, "the peer's epmd does not know the node"},
              {ProbeOutcome::no_epmd, {}, "the process on the peer's epmd port is not an epmd"},
              {ProbeOutcome::found, DialOutcome::silent,
               "the dial was not answered: the peer's BEAM hangs, the network drops its packets, or the "
               "address is another host's"},
              {ProbeOutcome::found, DialOutcome::refused,
               "registered, but the dial failed: another cookie, -name, -proto_dist, certificate or OTP "
               "release, or a closed port"},
              {ProbeOutcome::found, DialOutcome::not_alive, "the target is not alive as a node"},
              {ProbeOutcome::found, DialOutcome::no_reply, "the target did not answer the dial"}};
  for (const auto& row : rows) {
    CAPTURE(row.reason);
    Driver driver(driving_node_1());
    driver.begin(desired(nodes({2})));
    driver.answer_probe(row.probe);
    if (row.probe == ProbeOutcome::found) {
      driver.answer_dial(row.dial);
    }
    CHECK(driver.state(2) == PeerState::waiting);
    CHECK(driver.peer(2)->reason == row.reason);
    CHECK(driver.peer(2)->attempts == 1);
    CHECK(driver.peer(2)->next_try > driver.now);
  }
}

TEST_CASE("a peer that waits for our own container says so") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2}), {}, OwnMembership::missing));
  CHECK(driver.state(2) == PeerState::queued);
  CHECK(driver.peer(2)->reason == "our own container is missing from the metadata");
  driver.step(event::DesiredChanged{desired(nodes({2}))});
  CHECK(driver.peer(2)->reason.empty());
}

TEST_CASE("a dial that was refused changes no connection, so none is listed for it") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2, 3})));
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_dial(DialOutcome::refused);
  CHECK(driver.lists.empty());
  driver.answer_dial(DialOutcome::no_reply);
  CHECK(driver.lists.size() == 1);
}

TEST_CASE("the connections are listed every second, one list at a time, and right after a dial") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  CHECK(driver.lists.empty());
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.lists.empty());
  driver.answer_dial(DialOutcome::connected);
  CHECK(driver.lists.size() == 1);
  driver.pass(5s);
  CHECK(driver.lists.size() == 1);
  driver.answer_list({2});
  CHECK(driver.lists.empty());
  driver.pass(999ms);
  CHECK(driver.lists.empty());
  driver.pass(1ms);
  CHECK(driver.lists.size() == 1);
}

TEST_CASE("results that come while a list is in flight ask for one more list, not for one each") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2, 3, 4})));
  while (!driver.probes.empty()) {
    driver.answer_probe(ProbeOutcome::found);
  }
  while (!driver.dials.empty()) {
    driver.answer_dial(DialOutcome::connected);
  }
  CHECK(driver.lists.size() == 1);
  driver.answer_list({2});
  CHECK(driver.lists.size() == 1);
  driver.answer_list({2, 3, 4});
  CHECK(driver.lists.empty());
}

TEST_CASE("a list that fails is asked again after the interval, and cuts nothing") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})), {2});
  driver.pass(1s);
  driver.fail_list();
  CHECK(driver.state(2) == PeerState::connected);
  driver.pass(999ms);
  CHECK(driver.lists.empty());
  driver.pass(1ms);
  CHECK(driver.lists.size() == 1);
}

TEST_CASE("a list that fails is not asked again at once, even if a dial asked for another meanwhile") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.answer_probe(ProbeOutcome::found);
  driver.pass(1s);
  REQUIRE(driver.lists.size() == 1);
  driver.answer_dial(DialOutcome::no_reply);
  driver.fail_list();
  driver.pass(999ms);
  CHECK(driver.lists.empty());
  driver.pass(1ms);
  CHECK(driver.lists.size() == 1);
}

TEST_CASE("a connection that drops is dialled again at the next list") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})), {2});
  driver.pass(1s);
  driver.answer_list({});
  CHECK(driver.probes.size() == 1);
  CHECK(driver.peer(2)->reason == "the connection dropped");
  CHECK(driver.reconciler().counters().connections_lost == 1);
}

TEST_CASE("a list that was asked before a dial ended says nothing about its connection") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.answer_probe(ProbeOutcome::found);
  driver.pass(1s);
  REQUIRE(driver.lists.size() == 1);
  driver.answer_dial(DialOutcome::connected);
  driver.answer_list({});
  CHECK(driver.state(2) == PeerState::connected);
  driver.answer_list({2});
  CHECK(driver.state(2) == PeerState::connected);
  CHECK(driver.reconciler().counters().connections_lost == 0);
}

TEST_CASE("connections that go as soon as they come are not dialled in a busy loop") {
  const struct {
    const char* name;
    bool listed_once;
    std::string_view reason;
  } rows[] = {{"never listed", false, "the dial succeeded, but the target does not list the connection"},
              {"listed once", true, "the connection dropped as soon as it came up"}};
  for (const auto& row : rows) {
    CAPTURE(row.name);
    Driver driver(driving_node_1());
    auto held = std::make_shared<Desired>(*desired(nodes({2})));
    for (int round = 1; round <= 8; ++round) {
      held->members.insert(node(100 + round));
    }
    driver.begin(held);
    for (int round = 1; round <= 8; ++round) {
      driver.answer_probe(ProbeOutcome::found);
      driver.answer_dial(DialOutcome::connected);
      if (row.listed_once) {
        driver.answer_list({2});
        driver.pass(999ms);
        held = std::make_shared<Desired>(*held);
        held->members.erase(node(100 + round));
        held->departed = nodes({100 + round});
        driver.step(event::DesiredChanged{held});  // asks for a list
      }
      driver.answer_list({});
      CHECK(driver.peer(2)->reason == row.reason);
      REQUIRE(driver.state(2) == PeerState::waiting);
      const Duration wait = driver.peer(2)->next_try.value() - driver.now;
      CHECK(wait >= 50ms * (1 << (round - 1)));
      // Lists of the meantime stay unanswered, which holds them back.
      driver.pass(std::chrono::ceil<Milliseconds>(wait));
      REQUIRE(driver.probes.size() == 1);
      if (!driver.lists.empty()) {
        driver.answer_list({});
      }
    }
  }
}

TEST_CASE("a connection that was made anew counts as shown only by a list of its own") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})), {2});
  driver.pass(1s);
  driver.answer_list({});
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_dial(DialOutcome::connected);
  driver.pass(2s);
  driver.answer_list({});
  CHECK(driver.peer(2)->reason == "the dial succeeded, but the target does not list the connection");
  CHECK(driver.state(2) == PeerState::waiting);
}

TEST_CASE("a connection that comes and goes while its peer is probed leads to no second probe") {
  Driver driver(driving_node_1());
  driver.begin(samples::holding(nodes({9}), nodes({2})));
  driver.pass(1s);
  driver.answer_list({2});
  driver.step(event::DesiredChanged{desired(nodes({2}), nodes({9}))});  // asks for a list
  driver.answer_list({});
  CHECK(driver.state(2) == PeerState::probing);
  driver.pass(30s);
  CHECK(driver.probes.size() == 1);
}

TEST_CASE("while our own container is missing or has left, nothing is dialled") {
  for (const OwnMembership own : {OwnMembership::missing, OwnMembership::removed}) {
    Driver driver(driving_node_1());
    driver.begin(desired(nodes({2, 3}), {}, own));
    driver.pass(30s);
    CHECK(driver.in_flight() == 0);
    driver.step(event::DesiredChanged{desired(nodes({2, 3}))});
    CHECK(driver.in_flight() == 2);
    driver.step(event::DesiredChanged{desired(nodes({2, 3}), {}, own)});
    driver.answer_probe(ProbeOutcome::found);
    CHECK(driver.dials.empty());
  }
}

TEST_CASE("our own container not known yet is no reason not to dial") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2}), {}, OwnMembership::unknown));
  CHECK(driver.in_flight() == 1);
}

TEST_CASE("a peer that is no longer to be dialled is not dialled after its probe") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.step(event::DesiredChanged{desired({})});
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.dials.empty());
  CHECK(driver.reconciler().peers().empty());
}

TEST_CASE(
    "the slot of a peer that goes while its probe is in flight comes free with the answer, not before") {
  ReconcilerSettings settings = driving_node_1();
  settings.max_dials = 1;
  Driver driver(settings);
  driver.begin(desired(nodes({2})));
  driver.step(event::DesiredChanged{desired(nodes({3}))});
  CHECK(peers_of(driver.probes) == nodes({2}));
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(peers_of(driver.probes) == nodes({3}));
}

TEST_CASE(
    "a peer that goes and comes back while its probe is in flight is not asked twice, and its slot comes "
    "free") {
  ReconcilerSettings settings = driving_node_1();
  settings.max_dials = 1;
  Driver driver(settings);
  driver.begin(desired(nodes({2})));
  driver.step(event::DesiredChanged{desired({})});
  driver.step(event::DesiredChanged{desired(nodes({2, 3}))});
  CHECK(driver.probes.size() == 1);
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(peers_of(driver.probes) == nodes({3}));
}

}  // namespace
}  // namespace rancher_cnode::reconciler
