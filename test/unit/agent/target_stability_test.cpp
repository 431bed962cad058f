// The connection to one BEAM: losses, and when a connection counts as stable.
#include <doctest/doctest.h>

#include "watched.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using agent::TargetConnection;
using State = TargetConnection::State;

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
