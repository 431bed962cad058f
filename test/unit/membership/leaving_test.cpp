// Who is asked to leave, when, and how often.
#include <doctest/doctest.h>

#include "driver.hpp"
#include "rancher_cnode/membership/reconciler.hpp"

namespace rancher_cnode::membership {
namespace {

using namespace std::chrono_literals;
using samples::desired;
using samples::Driver;
using samples::driving_node_1;
using samples::node;
using samples::nodes;
using samples::peers_of;

/// The random wait is over and its list is asked for. Precondition: no list is in flight.
void wait_out_the_spread(Driver& driver) {
  driver.pass(500ms);
  REQUIRE(driver.lists.size() == 1);
}

TEST_CASE("a leaver that is linked is asked to leave after a random wait and one more look") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2}), nodes({9})), {2, 9});
  CHECK(driver.leaves.empty());
  wait_out_the_spread(driver);
  CHECK(driver.leaves.empty());
  driver.answer_list({2, 9});
  CHECK(peers_of(driver.leaves) == nodes({9}));
  CHECK(driver.reconciler().leavers().at(0).state == LeaverState::leaving);
}

TEST_CASE("a leaver that is gone at the second look is not asked") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2}), nodes({9})), {2, 9});
  wait_out_the_spread(driver);
  driver.answer_list({2});
  driver.pass(2min);
  CHECK(driver.leaves.empty());
  CHECK(driver.reconciler().leavers().at(0).state == LeaverState::away);
}

TEST_CASE("a list that was asked before the wait was over is not the second look") {
  ReconcilerSettings settings = driving_node_1();
  settings.list_interval = 10ms;
  Driver driver(settings);
  driver.begin(desired(nodes({1}), nodes({9})), {9});
  driver.pass(10ms);
  REQUIRE(driver.lists.size() == 1);
  driver.pass(500ms);
  driver.answer_list({9});
  CHECK(driver.leaves.empty());
  driver.answer_list({9});
  CHECK(driver.leaves.size() == 1);
}

TEST_CASE("links to peers, held peers, strangers and our own kind are never cut") {
  Driver driver(driving_node_1());
  driver.begin(samples::holding(nodes({3}), nodes({1, 2})), {2, 3, 4});
  for (int second = 0; second < 100; ++second) {
    driver.pass(1s);
    driver.answer_list({2, 3, 4});
  }
  CHECK(driver.leaves.empty());
}

TEST_CASE("a leaver that becomes one later is looked for at once") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2})), {2});
  driver.step(event::DesiredChanged{desired(nodes({1}), nodes({2}))});
  CHECK(driver.lists.size() == 1);
  driver.answer_list({2});
  wait_out_the_spread(driver);
  driver.answer_list({2});
  CHECK(peers_of(driver.leaves) == nodes({2}));
}

TEST_CASE("a leaver that keeps coming back is asked again at most every 30 s") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1}), nodes({9})), {9});
  std::vector<TimePoint> asked;
  for (int tenth = 0; tenth < 1'000; ++tenth) {
    driver.pass(100ms);
    if (!driver.lists.empty()) driver.answer_list({9});
    if (driver.leaves.empty()) continue;
    asked.push_back(driver.now);
    driver.answer_leave(tenth % 2 == 0 ? LeaveOutcome::done : LeaveOutcome::unreachable);
  }
  CHECK(asked.size() == 4);
  for (std::size_t i = 1; i < asked.size(); ++i) CHECK(asked[i] - asked[i - 1] >= 30s);
  CHECK(driver.reconciler().leavers().at(0).attempts == 4);
  CHECK_FALSE(driver.reconciler().leavers().at(0).reason.empty());
}

TEST_CASE("a target that restarts does not shorten the 30 s") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1}), nodes({9})), {9});
  wait_out_the_spread(driver);
  driver.answer_list({9});
  REQUIRE(driver.leaves.size() == 1);
  driver.step(event::TargetUp{});
  driver.answer_leave(LeaveOutcome::failed);
  for (int second = 0; second < 29; ++second) {
    if (!driver.lists.empty()) driver.answer_list({9});
    driver.pass(1s);
  }
  CHECK(driver.leaves.empty());
  for (int second = 0; second < 4; ++second) {
    if (!driver.lists.empty()) driver.answer_list({9});
    driver.pass(1s);
  }
  CHECK(driver.leaves.size() == 1);
}

TEST_CASE("a leaver that is listed again is not asked any more, and is dialled") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1}), nodes({9})), {9});
  wait_out_the_spread(driver);
  driver.step(event::DesiredChanged{desired(nodes({1, 9}))});
  driver.answer_list({9});
  driver.pass(1min);
  CHECK(driver.leaves.empty());
  CHECK(driver.state(9) == PeerState::linked);
  driver.answer_list({});
  CHECK(peers_of(driver.probes) == nodes({9}));
}

TEST_CASE("leaves in flight have a limit, and every leaver has its turn") {
  ReconcilerSettings settings = driving_node_1();
  settings.max_leaves = 2;
  Driver driver(settings);
  driver.begin(desired(nodes({1}), nodes({5, 6, 7, 8, 9})), {5, 6, 7, 8, 9});
  std::set<NodeName> asked;
  for (int i = 0; i < 100; ++i) {
    driver.pass(100ms);
    if (!driver.lists.empty()) driver.answer_list({5, 6, 7, 8, 9});
    CHECK(driver.leaves.size() <= 2);
    if (driver.leaves.empty() || i % 3 != 0) continue;
    asked.insert(driver.leaves.front().peer);
    driver.answer_leave(LeaveOutcome::failed);
  }
  CHECK(asked == nodes({5, 6, 7, 8, 9}));
}

TEST_CASE("no leaver is asked again before every other one was asked, however many fail") {
  Desired wanted = *desired(nodes({1}));
  std::vector<NodeName> links;
  for (int number = 100; number < 200; ++number) {
    wanted.leavers.insert(node(number));
    links.push_back(node(number));
  }
  Driver driver(driving_node_1());
  driver.step(event::DesiredChanged{std::make_shared<const Desired>(wanted)});
  driver.step(event::TargetUp{});
  std::set<NodeName> asked;
  for (int second = 0; second < 120; ++second) {
    while (!driver.lists.empty()) {
      const ActionId id = driver.lists.front().id;
      driver.lists.clear();
      driver.step(event::LinksListed{id, links});
    }
    for (const action::Leave& leave : driver.leaves) asked.insert(leave.peer);
    if (second % 5 == 4) {
      while (!driver.leaves.empty()) driver.answer_leave(LeaveOutcome::failed);
    }
    driver.pass(1s);
  }
  CHECK(asked == wanted.leavers);
}

TEST_CASE("a leave that is out when the target restarts keeps its slot until its answer") {
  ReconcilerSettings settings = driving_node_1();
  settings.max_leaves = 1;
  Driver driver(settings);
  driver.begin(desired(nodes({1}), nodes({8, 9})), {8, 9});
  wait_out_the_spread(driver);
  driver.answer_list({8, 9});
  REQUIRE(driver.leaves.size() == 1);
  driver.step(event::TargetDown{});
  driver.step(event::TargetUp{});
  for (int i = 0; i < 20; ++i) {
    while (!driver.lists.empty()) driver.answer_list({8, 9});
    driver.pass(100ms);
  }
  CHECK(driver.leaves.size() == 1);
  driver.answer_leave(LeaveOutcome::failed);
  for (int i = 0; i < 20; ++i) {
    while (!driver.lists.empty()) driver.answer_list({8, 9});
    driver.pass(100ms);
  }
  CHECK(driver.leaves.size() == 1);
}

TEST_CASE("the connections are listed right after a leave") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1}), nodes({9})), {9});
  wait_out_the_spread(driver);
  driver.answer_list({9});
  REQUIRE(driver.lists.empty());
  driver.answer_leave(LeaveOutcome::done);
  CHECK(driver.lists.size() == 1);
}

TEST_CASE("a leaver that stops being one during its leave gives its slot back") {
  ReconcilerSettings settings = driving_node_1();
  settings.max_leaves = 1;
  Driver driver(settings);
  driver.begin(desired(nodes({1}), nodes({8, 9})), {8, 9});
  wait_out_the_spread(driver);
  driver.answer_list({8, 9});
  REQUIRE(peers_of(driver.leaves).size() == 1);
  const NodeName first = driver.leaves.front().peer;
  const NodeName second = first == node(8) ? node(9) : node(8);
  driver.step(event::DesiredChanged{desired({node(1), first}, {second})});
  driver.answer_leave(LeaveOutcome::done);
  for (int i = 0; i < 10; ++i) {
    driver.pass(100ms);
    if (!driver.lists.empty()) driver.answer_list({8, 9});
  }
  CHECK(peers_of(driver.leaves) == std::set<NodeName>{second});
}

TEST_CASE("when our own container has left, the target is asked, and nobody else") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2, 3}), nodes({1, 9}), OwnPresence::left), {2, 9});
  wait_out_the_spread(driver);
  driver.answer_list({2, 9});
  CHECK(peers_of(driver.leaves) == nodes({1}));
}

TEST_CASE("a target that has no links to the service any more is not asked, whatever else it is linked to") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2, 3}), nodes({1}), OwnPresence::left), {7});
  for (int second = 0; second < 60; ++second) {
    driver.pass(1s);
    if (!driver.lists.empty()) driver.answer_list({7});
  }
  CHECK(driver.leaves.empty());
}

TEST_CASE("a target that is a leaver dials nobody") {
  Driver driver(ReconcilerSettings{.target = node(2)});
  driver.begin(desired(nodes({1, 3}), nodes({2})));
  CHECK(driver.in_flight() == 0);
}

TEST_CASE("a target that is not ours is not asked when our own container has left") {
  Driver driver(ReconcilerSettings{.target = node(2)});
  driver.begin(desired(nodes({2, 3}), nodes({1}), OwnPresence::left), {1, 3});
  for (int second = 0; second < 60; ++second) {
    driver.pass(1s);
    if (!driver.lists.empty()) driver.answer_list({1, 3});
  }
  CHECK(driver.leaves.empty());
  CHECK(driver.in_flight() == 0);
}

}  // namespace
}  // namespace rancher_cnode::membership
