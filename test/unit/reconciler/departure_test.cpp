// What a reconciler does about departed peers: who is disconnected, when, how often, and what it states.
#include <doctest/doctest.h>

#include "departures.hpp"

namespace rancher_cnode::reconciler {
namespace {

using namespace std::chrono_literals;
using namespace samples;

TEST_CASE("a departed peer is disconnected by nobody but its own C-node") {
  Driver driver = with_departed_9(driving_node_1());
  keep_listing(driver, {2, 9}, 120s);
  CHECK(driver.disconnects.empty());
}

TEST_CASE("a departed peer that disconnects is reported as disconnected, once") {
  Driver driver = with_departed_9(driving_node_1());
  keep_listing(driver, {2, 9}, 5s);
  CHECK(driver.departures.empty());
  keep_listing(driver, {2}, 60s);
  CHECK(departures_of(driver, 9) == std::vector{Departure::disconnected});
  CHECK(driver.reconciler().departed().empty());
}

TEST_CASE("a departed peer that stays connected is reported after the patience, once") {
  ReconcilerSettings settings = driving_node_1();
  settings.departed_patience = 15s;
  Driver driver = with_departed_9(settings);
  keep_listing(driver, {2, 9}, 15s);
  CHECK(driver.departures.empty());
  keep_listing(driver, {2, 9}, 60s);
  CHECK(departures_of(driver, 9) == std::vector{Departure::still_connected});
  CHECK(driver.departures.at(0).reason.find("confirms") != std::string_view::npos);
  CHECK(driver.reconciler().departed().at(0).state == DepartedState::connected);
  keep_listing(driver, {2}, 5s);
  CHECK(departures_of(driver, 9) == std::vector{Departure::still_connected, Departure::disconnected});
}

TEST_CASE("a departed peer is looked up at once, not at the next list") {
  Driver driver = with_departed_9(driving_node_1());
  REQUIRE(driver.lists.size() == 1);
  CHECK(driver.reconciler().departed().at(0).state == DepartedState::unknown);
  driver.answer_list({2});
  CHECK(departures_of(driver, 9) == std::vector{Departure::disconnected});
}

TEST_CASE("a list that was asked before a peer departed says nothing of its departure") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2, 9})), {2, 9});
  driver.pass(1s);
  REQUIRE(driver.lists.size() == 1);
  driver.step(event::DesiredChanged{departing(nodes({1, 2}), nodes({9}))});
  driver.answer_list({2});
  CHECK(driver.departures.empty());
  driver.answer_list({2, 9});
  CHECK(driver.departures.empty());
}

TEST_CASE("where another sees to the departed peers nothing is stated about them") {
  ReconcilerSettings settings = driving_node_1();
  settings.departed_peers = DepartedPolicy::ignore;
  Driver driver = with_departed_9(settings);
  keep_listing(driver, {2, 9}, 60s);
  keep_listing(driver, {2}, 60s);
  CHECK(driver.departures.empty());
  CHECK(driver.disconnects.empty());
}

TEST_CASE("a peer that is not departed for this target is left alone: it came after, or was never a member") {
  const struct {
    const char* name;
    std::initializer_list<int> before;
  } rows[] = {{"never a member", {1, 2}}, {"a member, seen while the target was away", {1, 2, 9}}};
  for (const auto& row : rows) {
    CAPTURE(row.name);
    Driver driver(disconnecting());
    driver.step(event::DesiredChanged{desired(nodes(row.before))});
    driver.step(event::DesiredChanged{departing(nodes({1, 2}), nodes({9}))});
    driver.step(event::TargetUp{});
    keep_listing(driver, {2, 9}, 60s);
    CHECK(driver.disconnects.empty());
    CHECK(driver.departures.empty());
  }
}

TEST_CASE("where the user wants it a departed peer is disconnected after a random wait and one more look") {
  Driver driver = with_departed_9(disconnecting());
  driver.answer_list({2, 9});
  driver.pass(500ms);
  CHECK(driver.disconnects.empty());
  REQUIRE(driver.lists.size() == 1);
  driver.answer_list({2, 9});
  CHECK(peers_of(driver.disconnects) == nodes({9}));
  CHECK(driver.reconciler().departed().at(0).state == DepartedState::disconnecting);
}

TEST_CASE("a list that was asked before the random wait was over is not the last look") {
  ReconcilerSettings settings = disconnecting();
  settings.list_interval = 10ms;
  Driver driver = with_departed_9(settings);
  driver.answer_list({2, 9});
  driver.pass(10ms);
  REQUIRE(driver.lists.size() == 1);
  driver.pass(500ms);
  driver.answer_list({2, 9});
  CHECK(driver.disconnects.empty());
  driver.answer_list({2, 9});
  CHECK(driver.disconnects.size() == 1);
}

TEST_CASE(
    "a departed peer that a list shows gone is gone, also when the list was asked before the wait was over") {
  ReconcilerSettings settings = disconnecting();
  settings.list_interval = 10ms;
  Driver driver = with_departed_9(settings);
  driver.answer_list({2, 9});
  driver.pass(10ms);
  REQUIRE(driver.lists.size() == 1);
  driver.pass(500ms);
  driver.answer_list({2});
  CHECK(departures_of(driver, 9) == std::vector{Departure::disconnected});
  keep_listing(driver, {2, 9}, 60s);
  CHECK(driver.disconnects.empty());
}

TEST_CASE("a departed peer that is gone at the last look is not disconnected") {
  Driver driver = with_departed_9(disconnecting());
  driver.answer_list({2, 9});
  driver.pass(500ms);
  driver.answer_list({2});
  keep_listing(driver, {2}, 60s);
  CHECK(driver.disconnects.empty());
}

TEST_CASE("a departed peer is disconnected once, however often it connects again") {
  for (const auto outcome :
       {DisconnectOutcome::done, DisconnectOutcome::failed, DisconnectOutcome::unreachable,
        DisconnectOutcome::unsupported, DisconnectOutcome::claimed}) {
    CAPTURE(to_string(outcome));
    Driver driver = with_departed_9(disconnecting());
    keep_listing(driver, {2, 9}, 2s);
    REQUIRE(driver.disconnects.size() == 1);
    driver.answer_disconnect(outcome);
    keep_listing(driver, {2, 9}, 120s);
    CHECK(driver.disconnects.empty());
    CHECK(departures_of(driver, 9) == std::vector{Departure::still_connected});
    CHECK_FALSE(driver.departures.back().reason.empty());
    keep_listing(driver, {2}, 5s);
    keep_listing(driver, {2, 9}, 120s);
    CHECK(driver.disconnects.empty());
  }
}

TEST_CASE("a departed peer that was disconnected is reported without a reason for a connection") {
  Driver driver = with_departed_9(disconnecting());
  keep_listing(driver, {2, 9}, 2s);
  driver.answer_disconnect(DisconnectOutcome::done);
  keep_listing(driver, {2}, 2s);
  REQUIRE(departures_of(driver, 9) == std::vector{Departure::disconnected});
  CHECK(driver.departures.at(0).reason.empty());
}

TEST_CASE("a disconnect that was withdrawn is no attempt: it is made when it is due again") {
  Driver driver = with_departed_9(disconnecting());
  keep_listing(driver, {2, 9}, 2s);
  REQUIRE(driver.disconnects.size() == 1);
  driver.answer_disconnect(DisconnectOutcome::withdrawn);
  keep_listing(driver, {2, 9}, 2s);
  CHECK(driver.disconnects.size() == 1);
  CHECK(driver.departures.empty());
}

TEST_CASE("a departed peer that is listed again is not disconnected any more, and is dialled") {
  Driver driver = with_departed_9(disconnecting());
  driver.answer_list({2, 9});
  driver.pass(500ms);
  driver.step(event::DesiredChanged{desired(nodes({1, 2, 9}))});
  driver.answer_list({2, 9});
  keep_listing(driver, {2, 9}, 60s);
  CHECK(driver.disconnects.empty());
  CHECK(driver.state(9) == PeerState::connected);
  while (driver.lists.empty()) {
    driver.pass(100ms);
  }
  driver.answer_list({2});
  CHECK(peers_of(driver.probes) == nodes({9}));
}

TEST_CASE(
    "while a departure is suspended nobody is disconnected, and it is looked at anew when it is restored") {
  Driver driver = with_departed_9(disconnecting());
  driver.answer_list({2, 9});
  driver.pass(500ms);
  driver.step(event::DesiredChanged{suspending(nodes({1, 2}), nodes({9}))});
  driver.answer_list({2, 9});
  keep_listing(driver, {2, 9}, 60s);
  CHECK(driver.disconnects.empty());
  driver.step(event::DesiredChanged{departing(nodes({1, 2}), nodes({9}))});
  while (!driver.lists.empty()) {
    driver.answer_list({2, 9});
  }
  CHECK(driver.disconnects.empty());
  keep_listing(driver, {2, 9}, 2s);
  CHECK(driver.disconnects.size() == 1);
}

TEST_CASE("a peer that disconnects while its departure is suspended is forgotten") {
  Driver driver = with_departed_9(disconnecting());
  driver.step(event::DesiredChanged{suspending(nodes({1, 2}), nodes({9}))});
  keep_listing(driver, {2}, 2s);
  driver.step(event::DesiredChanged{departing(nodes({1, 2}), nodes({9}))});
  keep_listing(driver, {2, 9}, 60s);
  CHECK(driver.disconnects.empty());
}

TEST_CASE("a departed peer that membership has forgotten is forgotten here too") {
  Driver driver = with_departed_9(disconnecting());
  driver.answer_list({2, 9});
  driver.step(event::DesiredChanged{desired(nodes({1, 2}))});
  keep_listing(driver, {2, 9}, 60s);
  CHECK(driver.disconnects.empty());
  CHECK(driver.reconciler().departed().empty());
}

TEST_CASE("the connections are listed right after a disconnect") {
  Driver driver = with_departed_9(disconnecting());
  keep_listing(driver, {2, 9}, 2s);
  REQUIRE(driver.disconnects.size() == 1);
  while (!driver.lists.empty()) {
    driver.answer_list({2, 9});
  }
  driver.answer_disconnect(DisconnectOutcome::done);
  CHECK(driver.lists.size() == 1);
}

TEST_CASE("disconnects in flight have a limit, and every departed peer has its turn") {
  ReconcilerSettings settings = disconnecting();
  settings.max_disconnects = 2;
  Driver driver(settings);
  driver.begin(desired(nodes({1, 5, 6, 7, 8, 9})), {5, 6, 7, 8, 9});
  driver.step(event::DesiredChanged{departing(nodes({1}), nodes({5, 6, 7, 8, 9}))});
  std::set<NodeName> asked;
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    keep_listing(driver, {5, 6, 7, 8, 9}, 1s);
    most = std::max(most, driver.disconnects.size());
    if (driver.disconnects.empty()) {
      continue;
    }
    asked.insert(driver.disconnects.front().peer);
    driver.answer_disconnect(DisconnectOutcome::failed);
  }
  CHECK(most == 2);
  CHECK(asked == nodes({5, 6, 7, 8, 9}));
}

TEST_CASE("a disconnect that is out when the target restarts keeps its slot until its answer") {
  ReconcilerSettings settings = disconnecting();
  settings.max_disconnects = 1;
  Driver driver(settings);
  driver.begin(desired(nodes({1, 7, 8, 9})), {7, 8, 9});
  driver.step(event::DesiredChanged{departing(nodes({1, 7}), nodes({9}))});
  keep_listing(driver, {7, 8, 9}, 2s);
  REQUIRE(driver.disconnects.size() == 1);
  driver.step(event::TargetDown{});
  driver.lists.clear();
  driver.step(event::TargetUp{});
  keep_listing(driver, {7, 8}, 1s);
  driver.step(event::DesiredChanged{departing(nodes({1, 8}), nodes({7, 9}))});
  keep_listing(driver, {7, 8}, 2s);
  CHECK(driver.disconnects.size() == 1);
  driver.answer_disconnect(DisconnectOutcome::done);
  keep_listing(driver, {7, 8}, 2s);
  CHECK(peers_of(driver.disconnects) == nodes({7}));
}

TEST_CASE("connections to peers, held peers, strangers and our own kind are never cut") {
  Driver driver(disconnecting());
  driver.begin(samples::holding(nodes({3}), nodes({1, 2})), {2, 3, 4});
  keep_listing(driver, {2, 3, 4}, 100s);
  CHECK(driver.disconnects.empty());
}

TEST_CASE("an answer to no disconnect is stale") {
  Driver driver = with_departed_9(disconnecting());
  driver.step(event::Disconnected{12345, DisconnectOutcome::done});
  CHECK(driver.reconciler().counters().stale_answers == 1);
}

}  // namespace
}  // namespace rancher_cnode::reconciler
