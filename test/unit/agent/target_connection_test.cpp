// The connection to one BEAM, with a clock set by hand.
#include "agent/target_connection.hpp"

#include <doctest/doctest.h>

#include "agent/cookie_watch.hpp"
#include "support/unit/fake_connections.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/log_lines.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using agent::TargetConnection;
using State = TargetConnection::State;
using Events = std::vector<std::string>;

namespace {

constexpr const char* local = "myapp@10.42.0.1";
constexpr const char* remote = "myapp@10.42.0.2";
const Error closed{ErrorCode::unavailable, "the other side closed the connection"};

struct Watched {
  explicit Watched(const std::string& target = local) : name(target) {}
  ~Watched() { connection->stop(); }

  /// One more attempt, which finds no node.
  void fail() { node.fail_attempt("epmd", ErrorCode::not_found, "not registered"); }
  void connect_for(Milliseconds how_long) {
    connection->node_up();
    timers.advance(how_long);
  }
  [[nodiscard]] std::size_t attempts() const { return node.attempts.size(); }
  /// True if the next attempt comes after this time, and not a millisecond before.
  /// Lookups meanwhile return the same port.
  [[nodiscard]] bool tries_again_after(Milliseconds wait) {
    const std::size_t before = attempts();
    for (Milliseconds passed{1}; passed < wait; ++passed) {
      timers.advance(Milliseconds(1));
      while (node.looks_up()) {
        node.answer_lookup(std::uint16_t{4711});
      }
    }
    const bool early = attempts() > before;
    timers.advance(Milliseconds(1));
    return !early && attempts() == before + 1;
  }

  std::string name;
  FakeTimers timers;
  FakeConnections node{"rancher_cnode@10.42.0.1"};
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log{LogLevel::info, LogFormat::text, lines};
  agent::CookieWatch cookie{Config(), node, log};
  Events heard;
  std::function<void()> at_loss = [] {};
  std::shared_ptr<TargetConnection> connection = std::make_shared<TargetConnection>(
      node, timers, cookie, log, agent::test::node(name),
      TargetConnection::Handlers{.up = [this] { heard.emplace_back("up"); },
                                 .down =
                                     [this] {
                                       heard.emplace_back("down");
                                       at_loss();
                                     },
                                 .attempt_failed = [this] { heard.emplace_back("attempt failed"); }});
};

}  // namespace

TEST_CASE("a target is connected to at once, and one that is connected already is taken as it is") {
  Watched absent;
  CHECK(absent.connection->away());
  absent.connection->start();
  CHECK(absent.node.attempts == Events{local});
  CHECK_FALSE(absent.connection->away());
  CHECK_FALSE(absent.connection->up());
  CHECK(absent.connection->state() == State::awaited);

  Watched there;
  there.node.connected_peers.insert(node(local));
  there.connection->start();
  CHECK(there.node.attempts.empty());
  CHECK(there.connection->up());
  CHECK(there.heard == Events{"up"});
}

TEST_CASE("attempts follow the pace of the target's host") {
  for (const auto& [target, first, second] : {std::tuple{local, Milliseconds(50), Milliseconds(50)},
                                              std::tuple{remote, Milliseconds(100), Milliseconds(200)}}) {
    CAPTURE(target);
    Watched watched(target);
    watched.connection->start();
    watched.fail();
    CHECK(watched.connection->away());
    CHECK(watched.tries_again_after(first));
    watched.fail();
    CHECK(watched.tries_again_after(second));
  }
}

TEST_CASE("a BEAM that boots for long is tried less often after ten seconds") {
  Watched watched;
  watched.connection->start();
  watched.timers.advance(Milliseconds(10'000));
  watched.fail();
  CHECK(watched.tries_again_after(Milliseconds(250)));
}

TEST_CASE("an absence is reported by what it means") {
  struct Row {
    const char* stage;
    ErrorCode code;
    State state;
    const char* event;
  };
  for (const auto& row : {Row{"epmd", ErrorCode::not_found, State::awaited, "target_awaited"},
                          Row{"connect", ErrorCode::timeout, State::awaited, "target_awaited"},
                          Row{"status", ErrorCode::unavailable, State::awaited, "target_awaited"},
                          Row{"challenge_ack", ErrorCode::refused, State::awaited, "target_refused"},
                          Row{"name", ErrorCode::timeout, State::unresponsive, "target_unresponsive"}}) {
    CAPTURE(row.event);
    Watched watched;
    watched.connection->start();
    watched.node.fail_attempt(row.stage, row.code, "why");
    CHECK(watched.connection->state() == row.state);
    CHECK(watched.connection->reason() == "why");
    CHECK(watched.connection->stage() == row.stage);
    CHECK(watched.connection->failing());
    CHECK(watched.heard == Events{"attempt failed"});
    CHECK(watched.lines->of(row.event).size() == 1);
    CHECK(watched.lines->all().size() == 1);
  }
}

TEST_CASE("failed attempts of one kind are logged once, and again after a connection has stabilized") {
  Watched watched;
  watched.connection->start();
  for (int i = 0; i < 3; ++i) {
    watched.fail();
    watched.timers.advance(Milliseconds(50));
  }
  CHECK(watched.lines->count("target_awaited") == 1);
  watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookies differ");
  CHECK(watched.lines->count("target_refused") == 1);
  CHECK(watched.tries_again_after(Milliseconds(1'000)));
  watched.fail();
  CHECK(watched.lines->count("target_awaited") == 2);

  watched.connect_for(Milliseconds(1'000));
  watched.connection->node_down(closed);
  watched.fail();
  CHECK(watched.lines->count("target_awaited") == 3);
}

TEST_CASE("a target that refuses is retried less and less often, and at once when its process has changed") {
  Watched watched;
  watched.connection->start();
  for (const int wait : {1'000, 4'000, 16'000}) {
    watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookies differ");
    CHECK(watched.tries_again_after(Milliseconds(wait)));
  }
  watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookies differ");
  watched.timers.advance(Milliseconds(250));
  watched.node.answer_lookup(std::uint16_t{4711});
  const std::size_t before = watched.attempts();
  watched.timers.advance(Milliseconds(250));
  watched.node.answer_lookup(std::uint16_t{4712});
  CHECK(watched.attempts() == before + 1);
  watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookies differ");
  CHECK(watched.tries_again_after(Milliseconds(1'000)));
}

TEST_CASE("a target that is busy with an older connection of ours is retried like one that is absent") {
  Watched watched;
  watched.connection->start();
  for (int i = 0; i < 3; ++i) {
    watched.node.fail_attempt("status", ErrorCode::unavailable, "it still has an older connection");
    CHECK(watched.tries_again_after(Milliseconds(50)));
  }
}

TEST_CASE("a target that answers again after a silence does not refuse if it closes an attempt") {
  Watched watched;
  watched.connection->start();
  watched.node.fail_attempt("name", ErrorCode::timeout, "silent");
  watched.timers.advance(Milliseconds(1'000));
  watched.node.fail_attempt("name", ErrorCode::refused, "closed");
  CHECK(watched.connection->state() == State::awaited);
  CHECK(watched.lines->count("target_refused") == 0);
  watched.timers.advance(Milliseconds(1'000));
  CHECK(watched.attempts() == 3);

  watched.timers.advance(Milliseconds(5'000));
  watched.node.fail_attempt("name", ErrorCode::refused, "closed");
  CHECK(watched.lines->count("target_refused") == 1);
}

TEST_CASE("a target that refused and has gone is tried at once") {
  Watched watched;
  watched.connection->start();
  watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookies differ");
  watched.timers.advance(Milliseconds(250));
  watched.node.answer_lookup(failure(ErrorCode::not_found, "epmd does not know it"));
  CHECK(watched.attempts() == 2);
}

TEST_CASE("an external change does not hasten the retry of a target that refuses") {
  Watched watched;
  watched.connection->start();
  watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookies differ");
  watched.connection->retry_now();
  CHECK(watched.attempts() == 1);
}

TEST_CASE("a connection clears the failure, and is logged with the time since the first attempt") {
  Watched watched;
  watched.connection->start();
  watched.timers.advance(Milliseconds(300));
  watched.node.fail_attempt("epmd", ErrorCode::not_found, "not registered");
  watched.timers.advance(Milliseconds(400));
  watched.connection->node_up();
  CHECK(watched.connection->up());
  CHECK_FALSE(watched.connection->away());
  CHECK_FALSE(watched.connection->failing());
  CHECK(watched.connection->state() == State::connected);
  CHECK(watched.connection->reason().empty());
  CHECK(watched.connection->stage().empty());
  CHECK(watched.connection->since() == watched.timers.now());
  CHECK(watched.heard == Events{"attempt failed", "up"});
  CHECK(watched.lines->of("target_connected") ==
        Events{"event=target_connected target=myapp@10.42.0.1 took_ms=700"});
}

TEST_CASE("while connected no attempt is made, whatever the result of the running attempt") {
  Watched watched;
  watched.connection->start();
  watched.connection->node_up();
  watched.fail();
  watched.connection->retry_now();
  watched.timers.advance(Milliseconds(60'000));
  CHECK(watched.attempts() == 1);
  CHECK(watched.heard == Events{"up"});
  CHECK(watched.connection->state() == State::connected);
}

TEST_CASE("an attempt that succeeds counts only once the connection is there") {
  Watched watched;
  watched.connection->start();
  watched.node.end_attempt({});
  CHECK_FALSE(watched.connection->up());
  CHECK(watched.heard.empty());
  CHECK(watched.lines->all().size() == 0);
}

TEST_CASE("a connection whose owner stops it when it ends makes no further attempt") {
  for (const auto how_long : {Milliseconds(1), Milliseconds(1'000)}) {
    Watched watched;
    watched.connection->start();
    watched.node.end_attempt({});
    watched.at_loss = [&] { watched.connection->stop(); };
    watched.connect_for(how_long);
    watched.connection->node_down(closed);
    watched.timers.advance(Milliseconds(60'000));
    CHECK(watched.attempts() == 1);
    CHECK(watched.timers.idle());
  }
}

TEST_CASE("a connection that is reported twice is one") {
  Watched watched;
  watched.connection->start();
  watched.connection->node_up();
  watched.connection->node_up();
  CHECK(watched.heard == Events{"up"});
  CHECK(watched.lines->count("target_connected") == 1);
}

TEST_CASE("a target that restarts after its connection stabilized is tried at once") {
  Watched watched(remote);
  watched.connection->start();
  watched.connect_for(Milliseconds(1'000));
  watched.timers.advance(Milliseconds(30'000));
  watched.node.end_attempt({});
  watched.connection->node_down(closed);
  CHECK(watched.heard == Events{"up", "down"});
  CHECK(watched.attempts() == 2);
  CHECK_FALSE(watched.connection->failing());
  CHECK(watched.connection->state() == State::awaited);
  CHECK(watched.connection->reason() == closed.message);
  CHECK(watched.connection->since() == watched.timers.now());
  CHECK(watched.lines->count("target_lost") == 1);

  watched.timers.advance(Milliseconds(2'000));
  watched.connection->node_up();
  CHECK(watched.lines->of("target_connected").back() ==
        "event=target_connected target=myapp@10.42.0.2 took_ms=2000");
}

TEST_CASE("a BEAM on the own host that restarts after a long time is tried as often as when it boots") {
  Watched watched;
  watched.connection->start();
  watched.node.end_attempt({});
  watched.connect_for(Milliseconds(60'000));
  watched.connection->node_down(closed);
  watched.fail();
  CHECK(watched.tries_again_after(Milliseconds(50)));
}

TEST_CASE("a loss without a connection is none") {
  Watched watched;
  watched.connection->start();
  watched.connection->node_down(closed);
  CHECK(watched.heard.empty());
  CHECK(watched.lines->all().size() == 0);
}

TEST_CASE("a connection lasts from one second on, also when the loop is late to notice") {
  Watched stabilized;
  stabilized.connection->start();
  stabilized.node.end_attempt({});
  stabilized.connection->node_up();
  stabilized.timers.pass_without_calls(Milliseconds(1'000));
  stabilized.connection->node_down(closed);
  CHECK(stabilized.attempts() == 2);
  CHECK_FALSE(stabilized.connection->failing());

  Watched early;
  early.connection->start();
  early.node.end_attempt({});
  early.connection->node_up();
  early.timers.pass_without_calls(Milliseconds(999));
  early.connection->node_down(closed);
  CHECK(early.attempts() == 1);
  CHECK(early.connection->failing());
  CHECK(early.tries_again_after(Milliseconds(100)));
}

TEST_CASE("each connection has to last anew") {
  Watched watched;
  watched.connection->start();
  watched.node.end_attempt({});
  watched.connect_for(Milliseconds(1'000));
  watched.connection->node_down(closed);
  watched.node.end_attempt({});
  watched.connect_for(Milliseconds(999));
  watched.connection->node_down(closed);
  CHECK(watched.connection->failing());
  CHECK(watched.tries_again_after(Milliseconds(100)));
}

TEST_CASE(
    "a BEAM that ends each connection is called ever less often, and logged once for each code of error") {
  Watched watched;
  watched.connection->start();
  for (const int wait : {100, 200, 400}) {
    watched.node.end_attempt({});
    watched.connect_for(Milliseconds(10));
    watched.connection->node_down(closed);
    CHECK(watched.tries_again_after(Milliseconds(wait)));
  }
  CHECK(watched.lines->count("target_connected") == 1);
  CHECK(watched.lines->count("target_lost") == 1);
  watched.node.end_attempt({});
  watched.connect_for(Milliseconds(10));
  watched.connection->node_down({ErrorCode::too_large, "a message is too large"});
  CHECK(watched.lines->count("target_lost") == 2);
}

TEST_CASE("after connections that ended early one is logged when it has stabilized, and its end once more") {
  Watched watched;
  watched.connection->start();
  watched.connect_for(Milliseconds(10));
  watched.connection->node_down(closed);
  CHECK(watched.lines->count("target_connected") == 1);
  watched.timers.advance(Milliseconds(100));
  watched.connect_for(Milliseconds(999));
  CHECK(watched.lines->count("target_connected") == 1);
  watched.timers.advance(Milliseconds(1));
  CHECK(watched.lines->count("target_connected") == 2);

  watched.connection->node_down(closed);
  CHECK(watched.lines->count("target_lost") == 2);
  watched.connect_for(Milliseconds(10));
  watched.connection->node_down(closed);
  CHECK(watched.lines->count("target_lost") == 3);
}

TEST_CASE("once a connection has stabilized the delays of all kinds start over") {
  Watched watched(remote);
  watched.connection->start();
  watched.fail();
  watched.timers.advance(Milliseconds(100));
  watched.node.end_attempt({});
  for (const auto how_long : {Milliseconds(10), Milliseconds(1'000)}) {
    watched.connect_for(how_long);
    watched.connection->node_down(closed);
    watched.timers.advance(Milliseconds(100));
  }
  watched.fail();
  CHECK(watched.tries_again_after(Milliseconds(100)));
  watched.node.end_attempt({});
  watched.connect_for(Milliseconds(10));
  watched.connection->node_down(closed);
  CHECK(watched.tries_again_after(Milliseconds(100)));
}

TEST_CASE("an external change makes the next attempt due at once, and the delays start over, once in 5 s") {
  Watched watched(remote);
  watched.connection->start();
  watched.fail();
  watched.timers.advance(Milliseconds(100));
  watched.fail();
  watched.connection->retry_now();
  CHECK(watched.attempts() == 3);
  watched.fail();
  CHECK(watched.tries_again_after(Milliseconds(100)));
  watched.fail();
  watched.connection->retry_now();
  CHECK(watched.attempts() == 4);
  CHECK(watched.tries_again_after(Milliseconds(200)));
}

TEST_CASE("an external change starts no second attempt beside the one under way") {
  Watched watched(remote);
  watched.connection->start();
  watched.connection->retry_now();
  CHECK(watched.attempts() == 1);
}

TEST_CASE("an external change replaces the attempt that was due later") {
  Watched watched(remote);
  watched.connection->start();
  for (const int wait : {100, 200, 400}) {
    watched.fail();
    watched.timers.advance(Milliseconds(wait));
  }
  watched.fail();  // the next is due after 800 ms
  watched.connection->retry_now();
  watched.timers.advance(Milliseconds(799));
  watched.fail();
  CHECK(watched.attempts() == 5);
  CHECK(watched.tries_again_after(Milliseconds(100)));
}

TEST_CASE("a connected target that does not answer is reported until it does") {
  Watched watched;
  watched.connection->start();
  watched.connection->node_up();
  watched.connection->answered("timeout");
  watched.connection->answered("timeout");
  CHECK(watched.connection->state() == State::unresponsive);
  CHECK(watched.connection->reason() == "timeout");
  CHECK(watched.connection->failing());
  CHECK(watched.lines->of("target_unresponsive") ==
        Events{"event=target_unresponsive msg=\"timeout\" target=myapp@10.42.0.1"});
  CHECK(watched.lines->count("target_responsive") == 0);

  watched.connection->answered("");
  watched.connection->answered("");
  CHECK(watched.connection->state() == State::connected);
  CHECK(watched.connection->reason().empty());
  CHECK_FALSE(watched.connection->failing());
  CHECK(watched.lines->count("target_responsive") == 1);
}

TEST_CASE("once stopped it makes no attempt, logs nothing and calls no handler") {
  Watched absent;
  absent.connection->start();
  absent.connection->stop();
  absent.fail();
  absent.connection->node_up();
  absent.connection->retry_now();
  absent.timers.advance(Milliseconds(60'000));
  CHECK(absent.attempts() == 1);
  CHECK(absent.heard.empty());
  CHECK(absent.lines->all().size() == 0);

  Watched waiting;
  waiting.connection->start();
  waiting.fail();
  waiting.connection->stop();
  CHECK(waiting.timers.idle());

  Watched connected;
  connected.connection->start();
  connected.connection->node_up();
  connected.connection->stop();
  CHECK(connected.timers.idle());
  connected.connection->node_down(closed);
  CHECK(connected.heard == Events{"up"});
  CHECK(connected.lines->count("target_lost") == 0);
}
