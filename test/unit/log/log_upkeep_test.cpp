// What the log does over time: the grace of a start, the lines it leaves out, and reminders.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "support/unit/log_lines.hpp"

using namespace rancher_cnode;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

struct LoggedOverTime {
  explicit LoggedOverTime(LogLevel threshold = LogLevel::info)
      : log(threshold, LogFormat::text, lines, [this]() { return now; }) {
    log.set_startup_grace(seconds(30));
  }

  TimePoint now;
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log;

  void pass(seconds time) {
    for (seconds passed{0}; passed < time; ++passed) {
      now += seconds(1);
      log.tick();
    }
  }
  /// Levels and events of all lines.
  [[nodiscard]] std::string shown() const {
    std::string all;
    for (const auto& line : lines->all()) {
      const auto from = line.find(' ') + 1;
      all += line.substr(from, line.find(' ', line.find("event=")) - from) + "; ";
    }
    return all;
  }
};

}  // namespace

TEST_CASE("what a start goes through is info during the grace, and nothing more if it ends in time") {
  LoggedOverTime written;
  written.log.begin_grace();
  written.log.not_yet("epmd_awaited", "no epmd yet");
  written.pass(seconds(20));
  written.log.info("node_registered", "x");
  written.pass(minutes(60));
  CHECK(written.shown() == "info event=epmd_awaited; info event=node_registered; ");
}

TEST_CASE("what still lasts when the grace ends is logged once more, as a warning") {
  LoggedOverTime written;
  written.log.begin_grace();
  written.log.not_yet("epmd_awaited", "no epmd yet", {{"node", "c@10.42.0.1"}});
  written.pass(seconds(29));
  CHECK(written.shown() == "info event=epmd_awaited; ");
  written.pass(minutes(5));
  CHECK(written.shown() == "info event=epmd_awaited; warning event=epmd_awaited; ");
  CHECK(written.lines->all().back().ends_with(R"(msg="no epmd yet" node=c@10.42.0.1)"));
}

TEST_CASE("what begins after the grace is a warning at once, until the next start") {
  LoggedOverTime written;
  written.log.begin_grace();
  written.pass(seconds(31));
  written.log.not_yet("target_awaited", "x");
  written.log.begin_grace();
  written.log.not_yet("target_awaited", "y");
  CHECK(written.shown() == "warning event=target_awaited; info event=target_awaited; ");
}

TEST_CASE("a fault is a warning at once during the grace too") {
  LoggedOverTime written;
  written.log.begin_grace();
  written.log.warning("target_refused", "the cookie");
  written.pass(minutes(5));
  CHECK(written.shown() == "warning event=target_refused; ");
}

TEST_CASE("a log that leaves out info has the warning of the end of the grace") {
  LoggedOverTime written(LogLevel::warning);
  written.log.begin_grace();
  written.log.not_yet("epmd_awaited", "x");
  written.pass(seconds(31));
  CHECK(written.shown() == "warning event=epmd_awaited; ");
}

TEST_CASE("an epmd that accepts and closes writes a handful of lines, and one that counts the others") {
  LoggedOverTime written;
  for (int i = 0; i < 200; ++i) {
    written.log.info("node_registered", "x");
    written.log.warning("registration_lost", "epmd has closed the registration");
    written.now += Milliseconds(25);
  }
  CHECK(written.lines->all().size() == 8);
  written.pass(minutes(2));
  REQUIRE(written.lines->all().size() == 9);
  CHECK(written.lines->all().back().ends_with(
      R"(lines=392 events="node_registered 196, registration_lost 196" examples="node_registered, registration_lost")"));
}

TEST_CASE("two reasons that alternate for one peer write a handful of lines") {
  LoggedOverTime written;
  for (int i = 0; i < 18; ++i) {
    written.log.warning("peer_unreachable", i % 2 == 0 ? "one" : "another", {{"peer", "a@10.42.0.1"}});
    written.pass(seconds(4));
  }
  written.pass(minutes(1));
  CHECK(written.lines->count("peer_unreachable") == 4);
  CHECK(written.lines->count("log_lines_suppressed") == 1);
}

TEST_CASE("a thousand peers that are unreachable at a start, and come, have no line each but an event each") {
  LoggedOverTime written;
  int announced = 0;
  written.log.on_event([&] { ++announced; });
  written.log.begin_grace();
  const auto each = [&](auto&& write) {
    for (int i = 0; i < 1'000; ++i) {
      write("a" + std::to_string(i) + "@10.42.0.1");
    }
  };
  each([&](const auto& peer) { written.log.not_yet("peer_unreachable", "x", {{"peer", peer}}); });
  CHECK(written.lines->count("peer_unreachable") == 32);
  written.pass(seconds(31));
  CHECK(written.lines->count("peer_unreachable") == 64);
  CHECK(announced == 2'000);
  written.pass(minutes(5));
  CHECK(written.lines->all().size() == 65);
  CHECK(written.lines->all().back().find(R"(lines=1936 events="peer_unreachable 1936")") !=
        std::string::npos);
  each([&](const auto& peer) { written.log.info("peer_connected", "", {{"peer", peer}}); });
  written.pass(minutes(30));
  CHECK(written.lines->all().size() == 65 + 33);
  CHECK(written.lines->all().back().ends_with(
      R"(lines=968 events="peer_connected 968" examples="peer_connected a999@10.42.0.1")"));
}

TEST_CASE("lines at debug are never left out") {
  LoggedOverTime written(LogLevel::debug);
  for (int i = 0; i < 100; ++i) {
    written.log.debug("setting", "");
  }
  CHECK(written.lines->all().size() == 100);
}

TEST_CASE("the events below the threshold and those left out are remembered, but not debug") {
  LoggedOverTime written(LogLevel::warning);
  for (int i = 0; i < 10; ++i) {
    written.log.warning("peer_lost", "x", {{"peer", "a@10.42.0.1"}});
  }
  written.log.info("peer_connected", "");
  written.log.debug("setting", "");
  const auto recent = written.log.recent(0, 100);
  REQUIRE(recent.events.size() == 11);
  CHECK(recent.events.front().level == LogLevel::warning);
  CHECK(recent.events.front().event == "peer_lost");
  CHECK(recent.events.front().message == "x");
  CHECK(recent.events.front().text("peer") == "a@10.42.0.1");
  CHECK(recent.events.back().event == "peer_connected");
  CHECK(written.log.recent(recent.events.back().id, 100).events.empty());
}

TEST_CASE("a remembered event shows whether it has a line") {
  LoggedOverTime written(LogLevel::warning);
  for (int i = 0; i < 5; ++i) {
    written.log.warning("peer_lost", "x", {{"peer", "a@10.42.0.1"}});
  }
  written.log.info("peer_connected", "");
  std::string lines;
  for (const auto& event : written.log.recent(0, 100).events) {
    lines += event.logged ? "1" : "0";
  }
  CHECK(lines == "111100");
  CHECK(written.log.recent(0, 0).last_id == 6);
}

TEST_CASE("each remembered event is announced, those without a line too, until there is another handler") {
  LoggedOverTime written(LogLevel::warning);
  int announced = 0;
  written.log.on_event([&] { ++announced; });
  for (int i = 0; i < 5; ++i) {
    written.log.warning("peer_lost", "x", {{"peer", "a@10.42.0.1"}});
  }
  written.log.info("peer_connected", "");
  written.log.debug("setting", "");
  CHECK(announced == 6);
  written.log.on_event({});
  written.log.info("peer_connected", "");
  CHECK(announced == 6);
}

TEST_CASE("faults that last are summed up in one line every ten minutes, until they end") {
  LoggedOverTime written;
  for (int i = 0; i < 100; ++i) {
    written.log.warning("peer_lost", "x", {{"peer", "a@10.42.0." + std::to_string(i)}});
  }
  written.pass(minutes(31));
  CHECK(written.lines->count("still_degraded") == 3);
  CHECK(written.lines->all().back().ends_with(
      R"(faults="peer_lost 100" oldest="peer_lost a@10.42.0.0" oldest_s=1800 examples="a@10.42.0.0, a@10.42.0.1, a@10.42.0.10")"));
  for (int i = 0; i < 100; ++i) {
    written.log.info("peer_connected", "", {{"peer", "a@10.42.0." + std::to_string(i)}});
  }
  written.pass(minutes(60));
  CHECK(written.lines->count("still_degraded") == 3);
}

TEST_CASE("what is over when it is reported is no fault that lasts") {
  LoggedOverTime written;
  written.log.warning("inbound_refused", "", {{"from", "10.42.0.1"}});
  written.pass(minutes(60));
  CHECK(written.lines->count("still_degraded") == 0);
}
