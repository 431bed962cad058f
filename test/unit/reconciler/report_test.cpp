// What is reported of the peers, and counted.
#include <doctest/doctest.h>

#include "rancher_cnode/reconciler/reconciler.hpp"
#include "support/unit/driver.hpp"

namespace rancher_cnode::reconciler {
namespace {

using namespace std::chrono_literals;
using membership::OwnMembership;
using samples::desired;
using samples::Driver;
using samples::driving_node_1;
using samples::nodes;

TEST_CASE("the time of a state is the time when it began") {
  Driver driver(driving_node_1());
  driver.begin(samples::holding(nodes({3}), nodes({2})));
  const TimePoint start = driver.now;
  CHECK(driver.peer(3)->since == start);
  CHECK(driver.peer(2)->since == start);  // probing
  driver.pass(10ms);
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(driver.peer(2)->since == start + 10ms);  // waiting
  driver.pass(100ms);
  const TimePoint probed = driver.peer(2)->since;
  CHECK(probed > start + 10ms);
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.peer(2)->since == start + 110ms);  // dialling
  driver.pass(10ms);
  driver.answer_dial(DialOutcome::connected);
  CHECK(driver.peer(2)->since == start + 120ms);  // connected
  driver.answer_list({2});
  driver.pass(1s);
  driver.step(event::DesiredChanged{samples::holding(nodes({3}), nodes({2}))});
  driver.answer_list({2});
  CHECK(driver.peer(2)->since == start + 120ms);
  CHECK(driver.peer(3)->since == start);
}

TEST_CASE(
    "what is no member is not reported, though an answer about it is out and the target is connected to it") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2, 3})));
  driver.step(event::DesiredChanged{desired(nodes({3}))});
  driver.pass(1s);
  driver.answer_list({2});
  CHECK_FALSE(driver.peer(2));
  CHECK_FALSE(driver.peer(4));
  CHECK(driver.peer(3));
  CHECK(driver.reconciler().peers().size() == 1);
  CHECK(driver.reconciler().counters().connections_gained == 0);
}

TEST_CASE(
    "a peer that goes and comes back while its probe is in flight is reported without its former failures") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  for (int attempt = 0; attempt < 5; ++attempt) {
    driver.answer_probe(ProbeOutcome::no_answer);
    driver.pass(std::chrono::ceil<Milliseconds>(driver.peer(2)->next_try.value() - driver.now));
  }
  REQUIRE(driver.probes.size() == 1);
  driver.step(event::DesiredChanged{desired({})});
  SUBCASE("as a held one") {
    driver.step(event::DesiredChanged{samples::holding(nodes({2}))});
    CHECK(driver.peer(2)->attempts == 0);
    CHECK(driver.peer(2)->reason == "");
  }
  SUBCASE("as a dialable one, which starts over") {
    driver.step(event::DesiredChanged{desired(nodes({2}))});
    CHECK(driver.peer(2)->attempts == 0);
    driver.answer_probe(ProbeOutcome::no_answer);
    CHECK(driver.peer(2)->next_try.value() - driver.now <= 100ms);
  }
}

TEST_CASE(
    "a connected peer that goes while a probe is in flight is not taken for connected when it comes back") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.pass(1s);
  driver.answer_list({2});
  REQUIRE(driver.state(2) == PeerState::connected);
  driver.step(event::DesiredChanged{desired({})});
  driver.step(event::DesiredChanged{desired(nodes({2}))});
  CHECK(driver.state(2) == PeerState::probing);
}

TEST_CASE("a connected peer has no reason, even while our own container is missing") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.answer_probe(ProbeOutcome::no_answer);
  driver.pass(100ms);
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_dial(DialOutcome::connected);
  CHECK(driver.peer(2)->reason == "");
  CHECK_FALSE(driver.peer(2)->next_try);
  driver.step(event::DesiredChanged{desired(nodes({2}), {}, OwnMembership::missing)});
  CHECK(driver.peer(2)->reason == "");
}

TEST_CASE("the last error of a peer stays while it is connected, and a loss is one") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  CHECK(driver.peer(2)->last_error == "");
  CHECK_FALSE(driver.peer(2)->last_failed);
  driver.answer_probe(ProbeOutcome::no_answer);
  const auto failed = driver.now;
  const auto error = driver.peer(2)->reason;
  REQUIRE(error != "");
  driver.pass(100ms);
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_dial(DialOutcome::connected);
  CHECK(driver.peer(2)->last_error == error);
  CHECK(driver.peer(2)->last_failed == failed);
  driver.pass(2s);
  driver.answer_list({2});
  driver.pass(2s);
  driver.answer_list({});
  CHECK(driver.peer(2)->last_error == "the connection dropped");
  CHECK(driver.peer(2)->last_failed == driver.now);
}

TEST_CASE("a probe that fails after its peer came up by itself counts as no failed attempt") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.pass(1s);
  driver.answer_list({2});
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(driver.state(2) == PeerState::connected);
  CHECK(driver.peer(2)->attempts == 0);
  CHECK(driver.peer(2)->reason == "");
  CHECK(driver.peer(2)->last_error == "");
}

TEST_CASE("nobody is woken for a peer that waited and is no member any more") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  driver.answer_probe(ProbeOutcome::no_answer);
  const TimePoint next_list = driver.now + 1s;
  REQUIRE(driver.reconciler().next_wake() < next_list);
  driver.step(event::DesiredChanged{desired({})});
  CHECK(driver.reconciler().next_wake() == next_list);
}

TEST_CASE("counters count each kind of action, and how many of them failed") {
  Driver driver(driving_node_1());
  const ReconcilerCounters& counters = driver.reconciler().counters();
  driver.begin(desired(nodes({2, 3, 4, 5})), {5});
  driver.answer_probe(ProbeOutcome::refused);
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_probe(ProbeOutcome::found);
  driver.answer_dial(DialOutcome::connected);
  driver.answer_dial(DialOutcome::refused);
  driver.answer_list({3, 5});
  driver.pass(1s);
  driver.fail_list();
  driver.step(event::Dialled{999, DialOutcome::connected});
  CHECK(counters.lists == 4);  // the dial that nobody waited for asked for one more
  CHECK(counters.lists_failed == 1);
  CHECK(counters.probes >= 3);
  CHECK(counters.probes_failed == 1);
  CHECK(counters.dials == 2);
  CHECK(counters.dials_failed == 1);
  CHECK(counters.connections_gained == 2);
  CHECK(counters.connections_lost == 0);
  CHECK(counters.stale_answers == 1);
  driver.step(event::ConnectionsListed{998, {}});
  CHECK(counters.stale_answers == 2);
}

}  // namespace
}  // namespace rancher_cnode::reconciler
