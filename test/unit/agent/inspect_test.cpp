// Inspecting a lost peer: which calls are made, in which order, and what follows from the answers.
#include "agent/inspect.hpp"

#include <doctest/doctest.h>

#include "asked_node.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using reconciler::InspectOutcome;

namespace {

struct Inspecting : Asked {
  Inspecting() : Asked(other) {
    connections.connected_peers.insert(node(other));
    boost::asio::co_spawn(
        loop,
        [this]() -> boost::asio::awaitable<void> {
          const NodeName peer = node(other);
          const NodeName target = node(own);
          inspection = co_await agent::inspect(connections, peer, target);
          outcome = inspection.outcome;
        },
        boost::asio::detached);
    loop.poll();
    loop.restart();
  }
  std::optional<InspectOutcome> outcome;
  agent::Inspection inspection;
};

}  // namespace

TEST_CASE("a lost peer that does not list the target is clear") {
  Inspecting inspecting;
  inspecting.answer("erlang:nodes([connected])", atoms({"myapp@10.42.0.3", cnode}));
  CHECK(inspecting.outcome == InspectOutcome::clear);
  CHECK(inspecting.connections.calls.empty());
  CHECK(inspecting.inspection.connections == std::vector{node("myapp@10.42.0.3"), node(cnode)});
}

TEST_CASE("a lost peer that lists the target, which lists it too, is connected again: clear") {
  Inspecting inspecting;
  inspecting.answer("erlang:nodes([connected])", atoms({own}));
  inspecting.knows_global_disconnect();
  inspecting.looks({own});
  inspecting.answer("erlang:nodes([connected]) on " + own, atoms({other}));
  CHECK(inspecting.outcome == InspectOutcome::clear);
  CHECK(inspecting.connections.calls.empty());
}

TEST_CASE("a lost peer that still lists the target gives its connections up") {
  Inspecting inspecting;
  inspecting.answer("erlang:nodes([connected])", atoms({own}));
  inspecting.knows_global_disconnect();
  inspecting.looks({own});
  inspecting.answer("erlang:nodes([connected]) on " + own, atoms({"myapp@10.42.0.3"}));
  inspecting.answer("erl_eval:expr(", value(atoms({own})));
  CHECK(inspecting.outcome == InspectOutcome::refreshed);
}

TEST_CASE("a lost peer that still lists the target and has no global:disconnect/0 is stale") {
  Inspecting inspecting;
  inspecting.answer("erlang:nodes([connected])", atoms({own}));
  inspecting.answer("erlang:function_exported(", atom("false"));
  inspecting.answer("application:get_env(", atom("undefined"));
  inspecting.answer("erlang:system_info(", atom("undefined"));
  inspecting.looks({own});
  inspecting.answer("erlang:nodes([connected]) on " + own, atoms({}));
  CHECK(inspecting.outcome == InspectOutcome::stale);
}

TEST_CASE("a lost peer that does not answer, or comes to the call too late, could not be inspected") {
  Inspecting silent;
  silent.answer("erlang:nodes(", tl::unexpected(timeout));
  CHECK(silent.outcome == InspectOutcome::no_answer);

  Inspecting falls_silent;
  falls_silent.answer("erlang:nodes(", atoms({own}));
  falls_silent.answer("erlang:function_exported(", tl::unexpected(timeout));
  falls_silent.answer("erlang:monotonic_time(", tl::unexpected(timeout));
  falls_silent.answer("erlang:nodes(", tl::unexpected(timeout));
  CHECK(falls_silent.outcome == InspectOutcome::no_answer);
  CHECK(falls_silent.inspection.connections.empty());

  Inspecting late;
  late.answer("erlang:nodes([connected])", atoms({own}));
  late.knows_global_disconnect();
  late.looks({own});
  late.answer("erlang:nodes([connected]) on " + own, atoms({}));
  late.answer("erl_eval:expr(", expired);
  CHECK(late.outcome == InspectOutcome::no_answer);
}

TEST_CASE("of two inspections of one peer only the second to end closes the connection made for them") {
  boost::asio::io_context loop;
  FakeConnections connections(cnode);
  int ended = 0;
  const auto inspect = [&](const std::string& target) {
    boost::asio::co_spawn(
        loop,
        [&, target]() -> boost::asio::awaitable<void> {
          const NodeName peer = node(other);
          const NodeName its_target = node(target);
          const auto inspection = co_await agent::inspect(connections, peer, its_target);
          CHECK(inspection.outcome == InspectOutcome::clear);
          ++ended;
        },
        boost::asio::detached);
  };
  const auto step = [&] {
    loop.restart();
    loop.poll();
  };
  const auto answer = [&] {
    connections.take_call().done(atoms({}));
    step();
  };
  inspect(own);
  step();
  connections.connected_peers.insert(node(other));
  connections.end_attempt({});
  step();
  inspect("myapp@10.42.0.3");
  step();
  answer();
  CHECK(ended == 1);
  CHECK(connections.disconnected.empty());
  answer();
  CHECK(ended == 2);
  CHECK(connections.disconnected == Texts{other});
}
