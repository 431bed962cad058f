// The connection to one BEAM, with a clock set by hand.
#include "target_link.hpp"

#include <doctest/doctest.h>

#include "cookie_watch.hpp"
#include "fake_connections.hpp"
#include "fake_timers.hpp"
#include "log_lines.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using agent::TargetLink;
using State = TargetLink::State;
using Events = std::vector<std::string>;

namespace {

constexpr const char* own_host = "myapp@10.42.0.1";
constexpr const char* other_host = "myapp@10.42.0.2";
const Error closed{ErrorCode::unavailable, "the other side closed the connection"};

struct Watched {
  explicit Watched(const std::string& target = own_host) : name(target) {}
  ~Watched() { link->stop(); }

  /// One more attempt, which finds no node.
  void fail() { node.fail_attempt("epmd", ErrorCode::not_found, "not registered"); }
  void connect_for(Milliseconds how_long) {
    link->link_up();
    timers.advance(how_long);
  }
  [[nodiscard]] std::size_t attempts() const { return node.attempts.size(); }
  /// True if the next attempt comes after this time, and not a millisecond before.
  /// Whoever is looked up meanwhile is where it was.
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
  std::shared_ptr<TargetLink> link = std::make_shared<TargetLink>(
      node, timers, cookie, log, agent::test::node(name),
      TargetLink::Handlers{.up = [this] { heard.emplace_back("up"); },
                           .down = [this] { heard.emplace_back("down"); },
                           .not_found = [this] { heard.emplace_back("not found"); }});
};

}  // namespace

TEST_CASE("a target is connected to at once, and one that is connected already is taken as it is") {
  Watched absent;
  CHECK(absent.link->away());
  absent.link->start();
  CHECK(absent.node.attempts == Events{own_host});
  CHECK_FALSE(absent.link->away());
  CHECK_FALSE(absent.link->up());
  CHECK(absent.link->state() == State::awaited);

  Watched there;
  there.node.connected.insert(node(own_host));
  there.link->start();
  CHECK(there.node.attempts.empty());
  CHECK(there.link->up());
  CHECK(there.heard == Events{"up"});
}

TEST_CASE("attempts follow the pace of the target's host") {
  for (const auto& [target, first, second] : {std::tuple{own_host, Milliseconds(50), Milliseconds(50)},
                                              std::tuple{other_host, Milliseconds(100), Milliseconds(200)}}) {
    CAPTURE(target);
    Watched watched(target);
    watched.link->start();
    watched.fail();
    CHECK(watched.link->away());
    CHECK(watched.tries_again_after(first));
    watched.fail();
    CHECK(watched.tries_again_after(second));
  }
}

TEST_CASE("a BEAM that boots for long is looked for less often ten seconds after the search began") {
  Watched watched;
  watched.link->start();
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
                          Row{"challenge_ack", ErrorCode::refused, State::awaited, "target_refused"},
                          Row{"name", ErrorCode::timeout, State::not_responding, "target_unresponsive"}}) {
    CAPTURE(row.event);
    Watched watched;
    watched.link->start();
    watched.node.fail_attempt(row.stage, row.code, "why");
    CHECK(watched.link->state() == row.state);
    CHECK(watched.link->reason() == "why");
    CHECK(watched.link->stage() == row.stage);
    CHECK(watched.link->failing());
    CHECK(watched.heard == Events{"not found"});
    CHECK(watched.lines->of(row.event).size() == 1);
    CHECK(watched.lines->all().size() == 1);
  }
}

TEST_CASE("failed attempts of one kind are logged once, and again after a connection has lasted") {
  Watched watched;
  watched.link->start();
  for (int i = 0; i < 3; ++i) {
    watched.fail();
    watched.timers.advance(Milliseconds(50));
  }
  CHECK(watched.lines->count("target_awaited") == 1);
  watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookie differs");
  CHECK(watched.lines->count("target_refused") == 1);
  CHECK(watched.tries_again_after(Milliseconds(1'000)));
  watched.fail();
  CHECK(watched.lines->count("target_awaited") == 2);

  watched.connect_for(Milliseconds(1'000));
  watched.link->link_down(closed);
  watched.fail();
  CHECK(watched.lines->count("target_awaited") == 3);
}

TEST_CASE("a target that refuses is called ever less often, and at once when its process is another") {
  Watched watched;
  watched.link->start();
  for (const int wait : {1'000, 4'000, 16'000}) {
    watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookie differs");
    CHECK(watched.tries_again_after(Milliseconds(wait)));
  }
  watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookie differs");
  watched.timers.advance(Milliseconds(250));
  watched.node.answer_lookup(std::uint16_t{4711});
  const std::size_t before = watched.attempts();
  watched.timers.advance(Milliseconds(250));
  watched.node.answer_lookup(std::uint16_t{4712});
  CHECK(watched.attempts() == before + 1);
  watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookie differs");
  CHECK(watched.tries_again_after(Milliseconds(1'000)));
}

TEST_CASE("a target that refuses and is gone is looked for at once") {
  Watched watched;
  watched.link->start();
  watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookie differs");
  watched.timers.advance(Milliseconds(250));
  watched.node.answer_lookup(failure(ErrorCode::not_found, "epmd does not know it"));
  CHECK(watched.attempts() == 2);
}

TEST_CASE("a target that refuses is not hastened by an external change") {
  Watched watched;
  watched.link->start();
  watched.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookie differs");
  watched.link->hurry();
  CHECK(watched.attempts() == 1);
}

TEST_CASE("a connection clears what was wrong, and is logged with the time since the search began") {
  Watched watched;
  watched.link->start();
  watched.timers.advance(Milliseconds(300));
  watched.node.fail_attempt("epmd", ErrorCode::not_found, "not registered");
  watched.timers.advance(Milliseconds(400));
  watched.link->link_up();
  CHECK(watched.link->up());
  CHECK_FALSE(watched.link->away());
  CHECK_FALSE(watched.link->failing());
  CHECK(watched.link->state() == State::linked);
  CHECK(watched.link->reason().empty());
  CHECK(watched.link->stage().empty());
  CHECK(watched.link->since() == watched.timers.now());
  CHECK(watched.heard == Events{"not found", "up"});
  CHECK(watched.lines->of("target_connected") ==
        Events{"event=target_connected target=myapp@10.42.0.1 took_ms=700"});
}

TEST_CASE("while connected no attempt is made, whatever the attempt under way comes to") {
  Watched watched;
  watched.link->start();
  watched.link->link_up();
  watched.fail();
  watched.link->hurry();
  watched.timers.advance(Milliseconds(60'000));
  CHECK(watched.attempts() == 1);
  CHECK(watched.heard == Events{"up"});
  CHECK(watched.link->state() == State::linked);
}

TEST_CASE("an attempt that succeeds counts only once the connection is there") {
  Watched watched;
  watched.link->start();
  watched.node.end_attempt({});
  CHECK_FALSE(watched.link->up());
  CHECK(watched.heard.empty());
  CHECK(watched.lines->all().size() == 0);
}

TEST_CASE("a connection that is reported twice is one") {
  Watched watched;
  watched.link->start();
  watched.link->link_up();
  watched.link->link_up();
  CHECK(watched.heard == Events{"up"});
  CHECK(watched.lines->count("target_connected") == 1);
}

TEST_CASE("a target that restarts after its connection lasted is looked for at once") {
  Watched watched(other_host);
  watched.link->start();
  watched.connect_for(Milliseconds(1'000));
  watched.timers.advance(Milliseconds(30'000));
  watched.node.end_attempt({});
  watched.link->link_down(closed);
  CHECK(watched.heard == Events{"up", "down"});
  CHECK(watched.attempts() == 2);
  CHECK_FALSE(watched.link->failing());
  CHECK(watched.link->state() == State::awaited);
  CHECK(watched.link->reason() == closed.message);
  CHECK(watched.link->since() == watched.timers.now());
  CHECK(watched.lines->count("target_lost") == 1);

  watched.timers.advance(Milliseconds(2'000));
  watched.link->link_up();
  CHECK(watched.lines->of("target_connected").back() ==
        "event=target_connected target=myapp@10.42.0.2 took_ms=2000");
}

TEST_CASE("a BEAM on the own host that restarts after a long time is looked for as often as when it boots") {
  Watched watched;
  watched.link->start();
  watched.node.end_attempt({});
  watched.connect_for(Milliseconds(60'000));
  watched.link->link_down(closed);
  watched.fail();
  CHECK(watched.tries_again_after(Milliseconds(50)));
}

TEST_CASE("a loss without a connection is none") {
  Watched watched;
  watched.link->start();
  watched.link->link_down(closed);
  CHECK(watched.heard.empty());
  CHECK(watched.lines->all().size() == 0);
}

TEST_CASE("a connection lasts from one second on, also when the loop is late to notice") {
  Watched lasted;
  lasted.link->start();
  lasted.node.end_attempt({});
  lasted.link->link_up();
  lasted.timers.pass_without_calls(Milliseconds(1'000));
  lasted.link->link_down(closed);
  CHECK(lasted.attempts() == 2);
  CHECK_FALSE(lasted.link->failing());

  Watched early;
  early.link->start();
  early.node.end_attempt({});
  early.link->link_up();
  early.timers.pass_without_calls(Milliseconds(999));
  early.link->link_down(closed);
  CHECK(early.attempts() == 1);
  CHECK(early.link->failing());
  CHECK(early.tries_again_after(Milliseconds(100)));
}

TEST_CASE("each connection has to last anew") {
  Watched watched;
  watched.link->start();
  watched.node.end_attempt({});
  watched.connect_for(Milliseconds(1'000));
  watched.link->link_down(closed);
  watched.node.end_attempt({});
  watched.connect_for(Milliseconds(999));
  watched.link->link_down(closed);
  CHECK(watched.link->failing());
  CHECK(watched.tries_again_after(Milliseconds(100)));
}

TEST_CASE(
    "a BEAM that ends each connection is called ever less often, and logged once for each code of error") {
  Watched watched;
  watched.link->start();
  for (const int wait : {100, 200, 400}) {
    watched.node.end_attempt({});
    watched.connect_for(Milliseconds(10));
    watched.link->link_down(closed);
    CHECK(watched.tries_again_after(Milliseconds(wait)));
  }
  CHECK(watched.lines->count("target_connected") == 1);
  CHECK(watched.lines->count("target_lost") == 1);
  watched.node.end_attempt({});
  watched.connect_for(Milliseconds(10));
  watched.link->link_down({ErrorCode::too_large, "a message is too large"});
  CHECK(watched.lines->count("target_lost") == 2);
}

TEST_CASE("after connections that ended early one is logged when it has lasted, and its end once more") {
  Watched watched;
  watched.link->start();
  watched.connect_for(Milliseconds(10));
  watched.link->link_down(closed);
  CHECK(watched.lines->count("target_connected") == 1);
  watched.timers.advance(Milliseconds(100));
  watched.connect_for(Milliseconds(999));
  CHECK(watched.lines->count("target_connected") == 1);
  watched.timers.advance(Milliseconds(1));
  CHECK(watched.lines->count("target_connected") == 2);

  watched.link->link_down(closed);
  CHECK(watched.lines->count("target_lost") == 2);
  watched.connect_for(Milliseconds(10));
  watched.link->link_down(closed);
  CHECK(watched.lines->count("target_lost") == 3);
}

TEST_CASE("once a connection has lasted the delays of all kinds start over") {
  Watched watched(other_host);
  watched.link->start();
  watched.fail();
  watched.timers.advance(Milliseconds(100));
  watched.node.end_attempt({});
  for (const auto how_long : {Milliseconds(10), Milliseconds(1'000)}) {
    watched.connect_for(how_long);
    watched.link->link_down(closed);
    watched.timers.advance(Milliseconds(100));
  }
  watched.fail();
  CHECK(watched.tries_again_after(Milliseconds(100)));
  watched.node.end_attempt({});
  watched.connect_for(Milliseconds(10));
  watched.link->link_down(closed);
  CHECK(watched.tries_again_after(Milliseconds(100)));
}

TEST_CASE("an external change makes the next attempt due at once, and the delays start over, once in 5 s") {
  Watched watched(other_host);
  watched.link->start();
  watched.fail();
  watched.timers.advance(Milliseconds(100));
  watched.fail();
  watched.link->hurry();
  CHECK(watched.attempts() == 3);
  watched.fail();
  CHECK(watched.tries_again_after(Milliseconds(100)));
  watched.fail();
  watched.link->hurry();
  CHECK(watched.attempts() == 4);
  CHECK(watched.tries_again_after(Milliseconds(200)));
}

TEST_CASE("an external change starts no second attempt beside the one under way") {
  Watched watched(other_host);
  watched.link->start();
  watched.link->hurry();
  CHECK(watched.attempts() == 1);
}

TEST_CASE("an external change replaces the attempt that was due later") {
  Watched watched(other_host);
  watched.link->start();
  for (const int wait : {100, 200, 400}) {
    watched.fail();
    watched.timers.advance(Milliseconds(wait));
  }
  watched.fail();  // the next is due after 800 ms
  watched.link->hurry();
  watched.timers.advance(Milliseconds(799));
  watched.fail();
  CHECK(watched.attempts() == 5);
  CHECK(watched.tries_again_after(Milliseconds(100)));
}

TEST_CASE("a connected target that does not answer is reported until it does") {
  Watched watched;
  watched.link->start();
  watched.link->link_up();
  watched.link->answered("timeout");
  watched.link->answered("timeout");
  CHECK(watched.link->state() == State::not_responding);
  CHECK(watched.link->reason() == "timeout");
  CHECK(watched.link->failing());
  CHECK(watched.lines->of("target_unresponsive") ==
        Events{"event=target_unresponsive msg=\"timeout\" target=myapp@10.42.0.1"});
  CHECK(watched.lines->count("target_responsive") == 0);

  watched.link->answered("");
  watched.link->answered("");
  CHECK(watched.link->state() == State::linked);
  CHECK(watched.link->reason().empty());
  CHECK_FALSE(watched.link->failing());
  CHECK(watched.lines->count("target_responsive") == 1);
}

TEST_CASE("once stopped it makes no attempt, logs nothing and calls nobody") {
  Watched absent;
  absent.link->start();
  absent.link->stop();
  absent.fail();
  absent.link->link_up();
  absent.link->hurry();
  absent.timers.advance(Milliseconds(60'000));
  CHECK(absent.attempts() == 1);
  CHECK(absent.heard.empty());
  CHECK(absent.lines->all().size() == 0);

  Watched waiting;
  waiting.link->start();
  waiting.fail();
  waiting.link->stop();
  CHECK(waiting.timers.idle());

  Watched connected;
  connected.link->start();
  connected.link->link_up();
  connected.link->stop();
  CHECK(connected.timers.idle());
  connected.link->link_down(closed);
  CHECK(connected.heard == Events{"up"});
  CHECK(connected.lines->count("target_lost") == 0);
}
