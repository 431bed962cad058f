// The connection to one BEAM: attempts, failures and what is logged of them.
#include <doctest/doctest.h>

#include "watched.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using agent::TargetConnection;
using State = TargetConnection::State;

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

TEST_CASE(
    "a target that refuses our TLS is tried every five minutes at least: certificates are renewed silently") {
  Watched watched;
  watched.connection->start();
  for (const auto wait : {1'000, 4'000, 16'000, 64'000, 256'000, 300'000, 300'000}) {
    watched.node.fail_attempt("tls", ErrorCode::refused, "the peer's certificate is expired");
    CHECK(watched.tries_again_after(Milliseconds(wait)));
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
  CHECK(watched.tries_again_after(Milliseconds(1'000)));

  watched.node.fail_attempt("name", ErrorCode::timeout, "silent");
  watched.timers.advance(Milliseconds(6'000));
  watched.node.fail_attempt("name", ErrorCode::refused, "closed");
  CHECK(watched.lines->count("target_refused") == 1);
}

TEST_CASE("after a silence only the first close is forgiven: the next attempts come as after any refusal") {
  Watched watched;
  watched.connection->start();
  watched.node.fail_attempt("name", ErrorCode::timeout, "silent");
  watched.timers.advance(Milliseconds(50));
  for (const auto wait : {1'000, 1'000, 4'000}) {
    watched.node.fail_attempt("name", ErrorCode::refused, "it refuses the name");
    CHECK(watched.tries_again_after(Milliseconds(wait)));
  }
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

TEST_CASE("a target that is stopped is disconnected from at once, whoever still holds it") {
  Watched watched;
  watched.node.connected_peers.insert(node(local));
  watched.connection->start();
  CHECK(watched.node.disconnected.empty());
  watched.connection->stop();
  CHECK(watched.node.disconnected == Events{local});
}
