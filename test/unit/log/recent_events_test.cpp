#include "log/recent_events.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace rancher_cnode;

namespace {

LoggedEvent lost(const std::string& peer) {
  return {.level = LogLevel::warning, .event = "peer_lost", .message = "", .fields = {{"peer", peer}}};
}

LoggedEvent other(std::string message = "") {
  return {.event = "metadata_available", .message = std::move(message), .fields = {}};
}

std::size_t number_of(const RecentEvents& events) { return events.after(0, 1'000'000).size(); }

}  // namespace

TEST_CASE("the last 1,000 events are remembered, in their order and with growing ids") {
  RecentEvents events;
  for (int i = 1; i <= 1'500; ++i) {
    events.add(other(std::to_string(i)));
  }
  const auto kept = events.after(0, 2'000);
  REQUIRE(kept.size() == 1'000);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    CHECK(kept[i].id == i + 501);
    CHECK(kept[i].message == std::to_string(i + 501));
  }
}

TEST_CASE("the last 20 events of a peer outlast those of others") {
  RecentEvents events;
  for (int i = 0; i < 30; ++i) {
    events.add(lost("a@10.42.0.1"));
  }
  for (int i = 0; i < 5'000; ++i) {
    events.add(other());
  }
  const auto kept = events.after(0, 2'000);
  REQUIRE(kept.size() == 1'020);
  CHECK(kept.front().id == 11);
  CHECK(kept[19].text("peer") == "a@10.42.0.1");
  CHECK(kept[20].text("peer").empty());
}

TEST_CASE("the latest events come first") {
  RecentEvents events;
  CHECK(events.latest(2).empty());
  for (const char* message : {"1", "2", "3"}) {
    events.add(other(message));
  }
  const auto latest = events.latest(2);
  REQUIRE(latest.size() == 2);
  CHECK(latest[0].message == "3");
  CHECK(latest[1].message == "2");
}

TEST_CASE("of 1,001 peers the one that has been quiet for longest is forgotten") {
  RecentEvents events;
  const auto peer = [](int number) { return "a@10.42.1." + std::to_string(number); };
  for (int i = 0; i < 1'000; ++i) {
    events.add(lost(peer(i)));
  }
  events.add(lost(peer(0)));
  events.add(lost(peer(1'000)));
  for (int i = 0; i < 1'000; ++i) {
    events.add(other());
  }
  const auto kept = events.after(0, 3'000);
  REQUIRE(kept.size() == 2'001);
  CHECK(kept[0].text("peer") == peer(0));
  CHECK(kept[1].text("peer") == peer(2));
}

TEST_CASE("what is remembered is bounded, whatever is logged") {
  RecentEvents events;
  for (int i = 0; i < 6'000; ++i) {
    events.add(lost("a@10.42.0." + std::to_string(i % 5'000)));
  }
  CHECK(number_of(events) <= RecentEvents::max_events + 20 * RecentEvents::max_peers);
  CHECK(number_of(events) == 20'000 / 20);
}

TEST_CASE("a long text is cut between two characters") {
  RecentEvents events;
  const std::string start(255, 'x');
  auto event = other(start + "\xe2\x82\xac and more");
  event.fields = {{"reason", std::string(256, 'y')}, {"detail", std::string(257, 'z')}};
  events.add(event);
  const auto kept = events.after(0, 1);
  CHECK(kept.at(0).message == start + "...");
  CHECK(kept.at(0).text("reason") == std::string(256, 'y'));
  CHECK(kept.at(0).text("detail") == std::string(256, 'z') + "...");
}

TEST_CASE("a reader gets what came after the last id that it has, and no more than it asks for") {
  RecentEvents events;
  for (int i = 0; i < 10; ++i) {
    events.add(other());
  }
  CHECK(events.after(10, 5).empty());
  const auto some = events.after(3, 5);
  REQUIRE(some.size() == 5);
  CHECK(some.front().id == 4);
  CHECK(events.after(8, 5).size() == 2);
}
