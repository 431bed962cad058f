#include "log/log_budget.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace rancher_cnode;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

LoggedEvent about(const std::string& event, const std::string& peer) {
  return {.event = event, .message = "", .fields = {{"peer", peer}}};
}

struct Taken {
  LogBudget budget;
  TimePoint now;
  int lines = 0;

  void write(const std::string& event, const std::string& peer = "a@10.42.0.1") {
    lines += budget.take(now, about(event, peer)) ? 1 : 0;
  }
};

}  // namespace

TEST_CASE("four lines about one matter are written, further ones left out") {
  Taken taken;
  for (int i = 0; i < 200; ++i) {
    taken.write("registration_lost");
    taken.now += Milliseconds(25);
  }
  CHECK(taken.lines == 4);
}

TEST_CASE("events and peers have a budget each") {
  Taken taken;
  for (int i = 0; i < 100; ++i) {
    taken.write("peer_lost", "a@10.42.0.1");
    taken.write("peer_lost", "a@10.42.0.2");
    taken.write("peer_connected", "a@10.42.0.1");
  }
  CHECK(taken.lines == 12);
}

TEST_CASE("a matter is written again once it has been quiet for a minute, and not before") {
  Taken taken;
  for (int i = 0; i < 10; ++i) {
    taken.write("peer_lost");
  }
  taken.now += seconds(59);
  taken.write("peer_lost");
  CHECK(taken.lines == 4);
  taken.now += seconds(60);
  taken.write("peer_lost");
  CHECK(taken.lines == 5);
}

TEST_CASE("what happens once a minute is never left out") {
  Taken taken;
  for (int i = 0; i < 100; ++i) {
    taken.write("peer_lost");
    taken.now += minutes(1);
  }
  CHECK(taken.lines == 100);
  CHECK(!taken.budget.take_summary(taken.now));
}

TEST_CASE("a minute after the first line left out, one summary says how many and of what") {
  Taken taken;
  for (int i = 0; i < 10; ++i) {
    taken.write("peer_lost");
    taken.write("peer_connected");
  }
  taken.now += seconds(59);
  CHECK(!taken.budget.take_summary(taken.now));
  taken.write("peer_lost");
  taken.now += seconds(1);
  const auto summary = taken.budget.take_summary(taken.now);
  REQUIRE(summary);
  CHECK(summary->lines == 13);
  CHECK(summary->events == "peer_connected 6, peer_lost 7");
  CHECK(summary->last == "peer_lost a@10.42.0.1");
  taken.now += minutes(60);
  CHECK(!taken.budget.take_summary(taken.now));
}

TEST_CASE("while peers flap, there is one summary in ten minutes for all of them") {
  Taken taken;
  int summaries = 0;
  for (int i = 0; i < 3'600; ++i) {
    for (int peer = 0; peer < 5; ++peer) {
      taken.write("peer_held", "a@10.42.0." + std::to_string(peer));
      taken.write("peer_released", "a@10.42.0." + std::to_string(peer));
    }
    taken.now += seconds(1);
    summaries += taken.budget.take_summary(taken.now) ? 1 : 0;
  }
  CHECK(taken.lines == 5 * 2 * 4);
  CHECK(summaries == 6);
}

TEST_CASE("any number of sources costs bounded memory and lines") {
  Taken taken;
  for (int i = 0; i < 6'000; ++i) {
    taken.write("inbound_refused", std::to_string(i));
  }
  CHECK(taken.lines == static_cast<int>(LogBudget::max_matters) + 4);
  taken.now += minutes(1);
  taken.write("inbound_refused", "another");
  CHECK(taken.lines == static_cast<int>(LogBudget::max_matters) + 5);
}
