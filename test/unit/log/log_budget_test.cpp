#include "log/log_budget.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace rancher_cnode;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

LoggedEvent about(const std::string& event, const std::string& peer, LogLevel level = LogLevel::info) {
  return {.level = level, .event = event, .message = "", .fields = {{"peer", peer}}};
}

struct Taken {
  LogBudget budget;
  TimePoint now;
  int lines = 0;

  void write(const std::string& event, const std::string& peer = "a@10.42.0.1",
             LogLevel level = LogLevel::info) {
    lines += budget.take(now, about(event, peer, level)) ? 1 : 0;
  }
  void write_of_each(int peers, const std::string& event) {
    for (int i = 0; i < peers; ++i) {
      write(event, std::to_string(i));
    }
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
  CHECK(summary->examples == "peer_connected a@10.42.0.1, peer_lost a@10.42.0.1");
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

TEST_CASE("an incident of a cluster of 30 hosts is written in full, also if each peer has four lines") {
  Taken taken;
  for (int i = 0; i < 4; ++i) {
    taken.write_of_each(30, "peer_unreachable");
    taken.now += seconds(15);
  }
  CHECK(taken.lines == 30 * 4);
}

TEST_CASE("of one event of a thousand peers the first are written, and one summary has the others") {
  Taken taken;
  taken.write_of_each(1'000, "peer_unreachable");
  taken.write("peer_lost", "one");
  CHECK(taken.lines == LogBudget::matters_of_event + 1);
  taken.now += minutes(1);
  const auto summary = taken.budget.take_summary(taken.now);
  REQUIRE(summary);
  CHECK(summary->events == "peer_unreachable " + std::to_string(1'000 - LogBudget::matters_of_event));
  CHECK(summary->examples == "peer_unreachable 999");
}

TEST_CASE("a storm that goes on for longer than a minute writes no second batch before its summary") {
  Taken taken;
  for (int i = 0; i < 1'000; ++i) {
    taken.write("peer_unreachable", std::to_string(i));
    taken.now += Milliseconds(80);
  }
  CHECK(taken.lines == LogBudget::matters_of_event);
}

TEST_CASE("after a storm an event is written again once no further peer had it for a minute") {
  Taken taken;
  taken.write_of_each(1'000, "peer_connected");
  taken.now += seconds(59);
  taken.write("peer_connected", "another");
  CHECK(taken.lines == LogBudget::matters_of_event);
  taken.now += minutes(1);
  taken.write("peer_connected", "yet another");
  CHECK(taken.lines == LogBudget::matters_of_event + 1);
}

TEST_CASE("each event of a storm has its summary a minute after it began, and another after ten minutes") {
  Taken taken;
  std::vector<int> summaries;
  for (int second = 1; second <= 1'800; ++second) {
    taken.write_of_each(40, "peer_lost");
    if (second > 120) {
      taken.write_of_each(40, "peer_connected");
    }
    taken.now += seconds(1);
    if (taken.budget.take_summary(taken.now)) {
      summaries.push_back(second);
    }
  }
  CHECK(summaries == std::vector<int>{60, 180, 780, 1'380});
}

TEST_CASE("lines at info take nothing from those at warning") {
  Taken taken;
  taken.write_of_each(1'000, "peer_unreachable");
  taken.lines = 0;
  taken.write("peer_unreachable", "999", LogLevel::warning);
  CHECK(taken.lines == 1);
}

TEST_CASE("any number of sources costs bounded lines") {
  Taken taken;
  taken.write_of_each(6'000, "inbound_refused");
  CHECK(taken.lines == LogBudget::matters_of_event);
}
