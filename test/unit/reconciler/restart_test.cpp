// What a restart of the target starts over, the first round among it.
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

TEST_CASE("a target that restarts starts everything over, and late dials are not taken for new ones") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2, 3, 4})), {3});
  driver.answer_probe(ProbeOutcome::found);
  const ActionId old_dial = driver.dials.at(0).id;
  driver.dials.clear();
  driver.step(event::TargetDown{});
  CHECK(driver.state(2) == PeerState::queued);
  CHECK(driver.state(3) == PeerState::queued);
  CHECK(driver.peer(2)->reason == "the target has not listed its connections yet");
  CHECK(driver.reconciler().next_wake() == TimePoint::max());

  driver.step(event::TargetUp{});
  driver.step(event::Dialled{old_dial, DialOutcome::connected});
  CHECK(driver.reconciler().counters().stale_answers == 1);
  driver.answer_list({});
  CHECK(peers_of(driver.probes) == nodes({2, 3, 4}));
}

TEST_CASE("a probe goes on over a restart of the target: its slot is taken until the answer, which serves") {
  ReconcilerSettings settings = driving_node_1();
  settings.max_dials = 2;
  Driver driver(settings);
  driver.begin(desired(nodes({2, 3, 4, 5})));
  REQUIRE(driver.probes.size() == 2);
  for (int flap = 0; flap < 5; ++flap) {
    driver.step(event::TargetDown{});
    driver.step(event::TargetUp{});
    while (!driver.lists.empty()) {
      const ActionId id = driver.lists.back().id;
      driver.lists.clear();
      driver.step(event::ConnectionsListed{id, {}});
    }
  }
  CHECK(peers_of(driver.probes) == nodes({2, 3}));
  driver.answer_probe(ProbeOutcome::found);
  CHECK(peers_of(driver.dials) == nodes({2}));
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(driver.in_flight() == 2);
  CHECK(driver.reconciler().counters().stale_answers == 0);
}

TEST_CASE("a probe that is answered while the target is away leads to no dial, and is made again") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.step(event::TargetDown{});
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.dials.empty());
  driver.step(event::TargetUp{});
  CHECK(driver.in_flight() == 0);
  driver.answer_list({});
  CHECK(peers_of(driver.probes) == nodes({2}));
}

TEST_CASE("a list of the target's former life says nothing about the new one") {
  Driver driver(driving_node_1());
  driver.step(event::DesiredChanged{desired(nodes({2}))});
  driver.step(event::TargetUp{});
  const ActionId old_list = driver.lists.at(0).id;
  driver.lists.clear();
  driver.step(event::TargetUp{});
  driver.step(event::ConnectionsListed{old_list, {node(2)}});
  CHECK(driver.state(2) == PeerState::queued);
  CHECK(driver.lists.size() == 1);
  driver.answer_list({});
  CHECK(peers_of(driver.probes) == nodes({2}));
}

TEST_CASE("a peer whose probe is in flight over a restart of the target is not probed again") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.step(event::TargetUp{});
  driver.answer_list({});
  CHECK(driver.probes.size() == 1);
  driver.answer_probe(ProbeOutcome::found);
  CHECK(peers_of(driver.dials) == nodes({2}));
}

TEST_CASE("a peer whose dial was in flight over a restart of the target is probed again") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.answer_probe(ProbeOutcome::found);
  driver.step(event::TargetUp{});
  driver.answer_list({});
  CHECK(peers_of(driver.probes) == nodes({2}));
}

TEST_CASE("a peer that is found between the restart and the first list is dialled after that") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.step(event::TargetUp{});
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.in_flight() == 0);
  driver.answer_list({});
  CHECK(peers_of(driver.probes) == nodes({2}));
}

TEST_CASE("a peer that leaves while its probe is in flight over a restart does not come back by the answer") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.step(event::DesiredChanged{desired({})});
  driver.step(event::TargetUp{});
  driver.answer_list({});
  driver.answer_probe(ProbeOutcome::found);
  CHECK_FALSE(driver.peer(2));
  CHECK(driver.in_flight() == 0);
  driver.step(event::DesiredChanged{desired(nodes({2}))});
  CHECK(peers_of(driver.probes) == nodes({2}));
}

TEST_CASE("after a restart the first wait is short again") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  for (int attempt = 0; attempt < 6; ++attempt) {
    driver.answer_probe(ProbeOutcome::no_answer);
    driver.pass(std::chrono::ceil<Milliseconds>(driver.peer(2)->next_try.value() - driver.now));
  }
  driver.answer_probe(ProbeOutcome::no_answer);
  driver.lists.clear();
  driver.step(event::TargetUp{});
  driver.answer_list({});
  CHECK(driver.peer(2)->attempts == 0);
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(driver.peer(2)->next_try.value() - driver.now <= 100ms);
}

TEST_CASE("an external change that waits for its turn is void after a restart, which retries all at once") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.step(event::ExternalChange{});
  driver.pass(1s);
  driver.step(event::ExternalChange{});
  driver.lists.clear();
  driver.probes.clear();
  driver.step(event::TargetDown{});
  driver.step(event::TargetUp{});
  CHECK(driver.reconciler().next_wake() == TimePoint::max());
}

TEST_CASE("the first round is done when every dialable peer is connected or has failed once") {
  Driver driver(driving_node_1());
  CHECK_FALSE(driver.reconciler().has_synced());
  driver.begin(desired(nodes({1, 2, 3})), {});
  CHECK_FALSE(driver.reconciler().has_synced());
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK_FALSE(driver.reconciler().has_synced());
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_dial(DialOutcome::connected);
  CHECK(driver.reconciler().has_synced());
  driver.step(event::TargetDown{});
  CHECK_FALSE(driver.reconciler().has_synced());
  driver.lists.clear();
  driver.step(event::TargetUp{});
  driver.answer_list({2, 3});
  CHECK(driver.reconciler().has_synced());
}

TEST_CASE("a round without peers is done when the connections are known") {
  Driver driver(driving_node_1());
  driver.step(event::TargetUp{});
  driver.answer_list({});
  CHECK_FALSE(driver.reconciler().has_synced());
  driver.step(event::DesiredChanged{desired(nodes({1}))});
  CHECK(driver.reconciler().has_synced());
}

TEST_CASE("a round without peers starts over when the target restarts") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1})));
  driver.step(event::TargetUp{});
  CHECK_FALSE(driver.reconciler().has_synced());
  driver.answer_list({});
  CHECK(driver.reconciler().has_synced());
}

TEST_CASE("the first round is not done before the first list") {
  Driver driver(driving_node_1());
  driver.step(event::DesiredChanged{desired(nodes({1}))});
  CHECK_FALSE(driver.reconciler().has_synced());
}

TEST_CASE(
    "a peer that becomes dialable later belongs to the round until it was tried, unless it is connected") {
  Driver driver(driving_node_1());
  driver.begin(samples::holding(nodes({2, 3})), {3});
  CHECK(driver.reconciler().has_synced());
  driver.step(event::DesiredChanged{samples::holding(nodes({2}), nodes({3}))});
  CHECK(driver.reconciler().has_synced());
  driver.step(event::DesiredChanged{desired(nodes({2, 3}))});
  CHECK_FALSE(driver.reconciler().has_synced());
  driver.answer_probe(ProbeOutcome::refused);
  CHECK(driver.reconciler().has_synced());
}

TEST_CASE("after a restart every peer has to be tried again") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2, 3})), {2, 3});
  driver.step(event::TargetUp{});
  driver.answer_list({3});
  CHECK_FALSE(driver.reconciler().has_synced());
  driver.answer_probe(ProbeOutcome::refused);
  CHECK(driver.reconciler().has_synced());
}

TEST_CASE("a peer that goes and comes back while its probe is in flight belongs to the round again") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.step(event::DesiredChanged{desired({})});
  driver.step(event::DesiredChanged{desired(nodes({2}))});
  CHECK_FALSE(driver.reconciler().has_synced());
}

TEST_CASE("a peer that leaves before it was tried holds up the round no longer") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.step(event::DesiredChanged{desired({})});
  CHECK(driver.reconciler().has_synced());
}

}  // namespace
}  // namespace rancher_cnode::reconciler
