// What a reconciler does when the target itself has departed.
#include <doctest/doctest.h>

#include "departures.hpp"

namespace rancher_cnode::reconciler {
namespace {

using namespace std::chrono_literals;
using namespace samples;
using membership::OwnMembership;

TEST_CASE("when our own container has departed the target is disconnected, and nobody else") {
  for (const auto& settings : {driving_node_1(), disconnecting()}) {
    Driver driver(settings);
    driver.begin(desired(nodes({1, 2, 3, 9})), {2, 3, 9});
    driver.step(event::DesiredChanged{own_departing(nodes({2, 3}), nodes({9}))});
    keep_listing(driver, {2, 9}, 60s);
    CHECK(peers_of(driver.disconnects) == nodes({1}));
    CHECK(driver.in_flight() == 0);
  }
}

TEST_CASE(
    "the target that has departed is disconnected once, and what it does then is respected and stated") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2})), {2});
  driver.step(event::DesiredChanged{own_departing(nodes({2}))});
  keep_listing(driver, {2}, 1s);
  REQUIRE(driver.disconnects.size() == 1);
  driver.answer_disconnect(DisconnectOutcome::done);
  keep_listing(driver, {}, 10s);
  CHECK(departures_of(driver, 1) == std::vector{Departure::disconnected});
  auto stated = departures_of(driver, 1);
  for (int flap = 0; flap < 5; ++flap) {
    keep_listing(driver, {2}, 10s);
    stated.push_back(Departure::still_connected);
    CHECK(departures_of(driver, 1) == stated);
    keep_listing(driver, {}, 10s);
    stated.push_back(Departure::disconnected);
    CHECK(departures_of(driver, 1) == stated);
  }
  CHECK(driver.disconnects.empty());
}

TEST_CASE(
    "the target that has departed is not asked again after it was away, but after it was listed again") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2})), {2});
  driver.step(event::DesiredChanged{own_departing(nodes({2}))});
  keep_listing(driver, {2}, 1s);
  driver.answer_disconnect(DisconnectOutcome::done);
  driver.step(event::TargetDown{});
  driver.lists.clear();
  driver.step(event::TargetUp{});
  keep_listing(driver, {2}, 10s);
  CHECK(driver.disconnects.empty());
  driver.step(event::DesiredChanged{desired(nodes({1, 2}))});
  keep_listing(driver, {2}, 10s);
  driver.step(event::DesiredChanged{own_departing(nodes({2}))});
  keep_listing(driver, {2}, 10s);
  CHECK(driver.disconnects.size() == 1);
}

TEST_CASE("a target that was away when it departed is disconnected when it is there") {
  Driver driver(driving_node_1());
  driver.step(event::DesiredChanged{desired(nodes({1, 2}))});
  driver.step(event::DesiredChanged{own_departing(nodes({2}))});
  driver.step(event::TargetUp{});
  keep_listing(driver, {2}, 2s);
  CHECK(driver.disconnects.size() == 1);
}

TEST_CASE("a departed target that is connected to nobody of the service is not disconnected") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2, 3})), {2});
  driver.step(event::DesiredChanged{own_departing(nodes({2, 3}))});
  keep_listing(driver, {7}, 60s);
  CHECK(driver.disconnects.empty());
  CHECK(departures_of(driver, 1) == std::vector{Departure::disconnected});
}

TEST_CASE("a departed target that is connected only to another departed peer is disconnected from it") {
  ReconcilerSettings settings = driving_node_1();
  settings.departed_peers = DepartedPolicy::ignore;
  Driver driver(settings);
  driver.begin(desired(nodes({1, 2, 3})), {3});
  driver.step(event::DesiredChanged{own_departing(nodes({2}), nodes({3}))});
  keep_listing(driver, {3}, 2s);
  CHECK(peers_of(driver.disconnects) == nodes({1}));
}

TEST_CASE("of all targets the departed one is disconnected, and dials nobody, confirmed or suspended") {
  ReconcilerSettings settings = driving_node_1();
  settings.departed_peers = DepartedPolicy::ignore;
  Driver driver(settings);
  driver.begin(desired(nodes({1, 2, 3}), {}, OwnMembership::unknown), {2});
  while (!driver.probes.empty()) {
    driver.answer_probe(ProbeOutcome::no_answer);
  }
  driver.step(event::DesiredChanged{departing(nodes({2, 3}), nodes({1}), OwnMembership::unknown)});
  keep_listing(driver, {2}, 20s);
  CHECK(peers_of(driver.disconnects) == nodes({1}));
  CHECK(driver.in_flight() == 0);
  driver.step(event::DesiredChanged{suspending(nodes({2, 3}), nodes({1}), OwnMembership::unknown)});
  keep_listing(driver, {2}, 20s);
  CHECK(driver.in_flight() == 0);
}

TEST_CASE("a target that is not ours is left alone when our own container has departed") {
  Driver driver(ReconcilerSettings{.target = node(2)});
  driver.begin(desired(nodes({1, 2, 3})), {1, 3});
  driver.step(event::DesiredChanged{own_departing(nodes({2, 3}))});
  keep_listing(driver, {1, 3}, 60s);
  CHECK(driver.disconnects.empty());
  CHECK(driver.in_flight() == 0);
}

}  // namespace
}  // namespace rancher_cnode::reconciler
