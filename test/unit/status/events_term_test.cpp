#include "rancher_cnode/status/events_term.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace rancher_cnode;
using distribution::TermWriter;

namespace {

/// One event as a foreign C-node could return it.
struct Foreign {
  std::int64_t time = 1'769'860'801'456;
  std::string level = "warning";
  std::string event = "peer_lost";
  std::string key = "peer";

  [[nodiscard]] Expected<Log::Recent> read() const {
    TermWriter term;
    term.map(2).atom("instance").integer(1).atom("events").list(1);
    term.map(6).atom("id").integer(1).atom("time").integer(time).atom("level").atom(level);
    term.atom("event").atom(event).atom("message").binary("x\ny").atom("fields").map(1);
    term.atom(key).binary("a@10.42.0.1").nil();
    return status::read_events(term.bytes());
  }
};

}  // namespace

TEST_CASE("events are read as they were written, and give the line that was logged") {
  const LoggedEvent event{
      .id = 17,
      .time = std::chrono::system_clock::time_point(Milliseconds(1'769'860'801'456)),
      .level = LogLevel::warning,
      .event = "peer_lost",
      .message = "the connection was \"closed\"",
      .fields = {{"target", "t@10.42.0.9"}, {"peer", "a@10.42.0.1"}, {"took_ms", 5}, {"first", true}}};
  const auto read = status::read_events(status::events_term({.instance = 42, .events = {event, event}}));
  REQUIRE(read);
  CHECK(read->instance == 42);
  REQUIRE(read->events.size() == 2);
  CHECK(read->events[1].id == 17);
  CHECK(log_line(LogFormat::text, read->events[1]) ==
        "2026-01-31T12:00:01.456Z warning event=peer_lost msg=\"the connection was \\\"closed\\\"\" "
        "target=t@10.42.0.9 peer=a@10.42.0.1 took_ms=5 first=true");
  CHECK(log_line(LogFormat::json, read->events[1]) == log_line(LogFormat::json, event));
}

TEST_CASE("an event as a term has typed values, and shows whether it has a line") {
  const LoggedEvent event{.id = 3,
                          .time = std::chrono::system_clock::time_point(Milliseconds(5)),
                          .event = "peer_connected",
                          .message = "now",
                          .fields = {{"peer", "a@10.42.0.1"}, {"took_ms", 7}, {"first", false}},
                          .logged = true};
  TermWriter expected;
  expected.map(7).atom("id").integer(3).atom("time").integer(5).atom("level").atom("info");
  expected.atom("event").atom("peer_connected").atom("logged").boolean(true).atom("message").binary("now");
  expected.atom("fields").map(3).atom("peer").binary("a@10.42.0.1").atom("took_ms").integer(7);
  expected.atom("first").boolean(false);
  CHECK(status::event_term(event) == expected.bytes());
}

TEST_CASE("no events are an empty list") {
  const auto read = status::read_events(status::events_term({.instance = 1, .events = {}}));
  REQUIRE(read);
  CHECK(read->events.empty());
}

TEST_CASE("what could break a line is malformed") {
  CHECK(Foreign().read());
  CHECK(!Foreign{.event = "peer lost"}.read());
  CHECK(!Foreign{.event = "peer\nlost"}.read());
  CHECK(!Foreign{.event = ""}.read());
  CHECK(!Foreign{.key = "p\"eer"}.read());
  CHECK(!Foreign{.level = "debug"}.read());
  CHECK(!Foreign{.time = -1}.read());
  CHECK(!Foreign{.time = 253'402'300'800'000}.read());
}

TEST_CASE("any other term is malformed") {
  CHECK(!status::read_events(TermWriter().atom("ok").bytes()));
  CHECK(!status::read_events(TermWriter().map(1).atom("events").nil().bytes()));
  CHECK(!status::read_events(TermWriter().map(1).atom("instance").integer(1).bytes()));
}
