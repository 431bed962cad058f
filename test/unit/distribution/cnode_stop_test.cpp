#include <doctest/doctest.h>

#include <optional>

#include "nodes.hpp"
#include "rancher_cnode/distribution/cnode.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

TEST_CASE("stop unregisters the name, and no handler runs after it") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  bool answered = false;
  nodes.b.cnode->call(name("a@127.0.0.1"), {"erlang", "nodes"}, hex("6a"), patience,
                      [&](const CallResult&) { answered = true; });
  nodes.b.cnode->connect(name("a@127.0.0.1"), [&](const auto&) { answered = true; });
  nodes.b.cnode->connect(name("nobody@127.0.0.1"), [&](const auto&) { answered = true; });
  nodes.b.cnode->stop();
  const auto events = nodes.b.events.size();
  nodes.a.wait_for("down b@127.0.0.1: the other side closed the connection");
  run_until(nodes.loop, "the name to be free", [&] { return !nodes.epmd.names.contains("b"); });
  run_for(nodes.loop, Milliseconds(50));
  CHECK_FALSE(answered);
  CHECK(nodes.b.events.size() == events);
  CHECK(nodes.b.registrations == std::vector<std::string>{"registered"});
}

TEST_CASE("a node may stop inside any of its handlers") {
  SUBCASE("when a connection comes up") {
    TwoNodes nodes;
    nodes.b.on_event = [&] { nodes.b.cnode->stop(); };
    static_cast<void>(nodes.a.connect("b@127.0.0.1"));
    nodes.b.wait_for("up a@127.0.0.1");
    run_for(nodes.loop, Milliseconds(20));
    CHECK(nodes.b.cnode->connection_count() == 0);
  }
  SUBCASE("when a connection is lost") {
    TwoNodes nodes;
    REQUIRE(nodes.a.connect("b@127.0.0.1"));
    nodes.b.wait_for("up a@127.0.0.1");
    bool answered = false;
    nodes.b.cnode->call(name("a@127.0.0.1"), {"erlang", "nodes"}, hex("6a"), patience,
                        [&](const CallResult&) { answered = true; });
    run_until(nodes.loop, "the call", [&] { return nodes.a.cnode->counters().messages_dropped == 1; });
    nodes.b.on_event = [&] { nodes.b.cnode->stop(); };
    nodes.a.cnode->disconnect(name("b@127.0.0.1"));
    nodes.b.wait_for("down a@127.0.0.1: the other side closed the connection");
    run_for(nodes.loop, Milliseconds(20));
    CHECK_FALSE(answered);
  }
  SUBCASE("when a call comes, or its answer") {
    TwoNodes nodes;
    nodes.b.cnode->add_process("stop", {.call = [&](const GenCall&) { nodes.b.cnode->stop(); }, .cast = {}});
    REQUIRE(nodes.a.connect("b@127.0.0.1"));
    std::optional<CallResult> result;
    nodes.a.cnode->request(name("b@127.0.0.1"), "stop", hex("6a"), patience, [&](CallResult end) {
      result = std::move(end);
      nodes.a.cnode->stop();
    });
    run_until(nodes.loop, "the end", [&] { return result.has_value(); });
    CHECK_FALSE(*result);
    run_for(nodes.loop, Milliseconds(20));
  }
  SUBCASE("when an attempt ends that others wait for too") {
    TwoNodes nodes;
    int ended = 0;
    for (int i = 0; i < 3; ++i) {
      nodes.a.cnode->connect(name("nobody@127.0.0.1"), [&](const auto&) {
        ++ended;
        nodes.a.cnode->stop();
      });
    }
    run_until(nodes.loop, "the end", [&] { return ended > 0; });
    run_for(nodes.loop, Milliseconds(20));
    CHECK(ended == 1);
  }
}

TEST_CASE("a node destroyed at any moment of a handshake leaves nothing that could call it") {
  for (int rounds = 0; rounds < 12; ++rounds) {
    CAPTURE(rounds);
    asio::io_context loop;
    EpmdStandIn epmd(loop);
    Node b(loop, epmd, "b@127.0.0.1");
    b.start();
    {
      Node a(loop, epmd, "a@127.0.0.1");
      a.start();
      a.cnode->connect(name("b@127.0.0.1"), [](const auto&) {});
      for (int i = 0; i < rounds; ++i) {
        loop.restart();
        loop.run_one_for(Milliseconds(3));
      }
    }
    run_for(loop, Milliseconds(20));
  }
}
