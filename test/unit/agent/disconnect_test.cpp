// Disconnecting a departed node, and inspecting a lost one: which calls are made, in which order, and what is looked at
// before a destructive one.
#include "agent/disconnect.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "support/unit/fake_connections.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using agent::DisconnectRequest;
using agent::DisconnectResult;
using distribution::TermBytes;
using distribution::TermWriter;
using reconciler::DisconnectOutcome;
using reconciler::InspectOutcome;

namespace {

using Texts = std::vector<std::string>;

const std::string own = "myapp@10.42.0.1";
const std::string other = "myapp@10.42.0.2";
const std::string cnode = "rancher_cnode@10.42.0.1";
constexpr std::int64_t looked_at = 5'000;
const Error timeout{ErrorCode::timeout, "no answer in time"};

TermBytes integer(std::int64_t value) { return TermWriter().integer(value).take(); }

/// {value, Value, []}, as erl_eval:expr/2 returns it.
TermBytes value(const TermBytes& term) {
  TermWriter result;
  result.tuple(3).atom("value").raw(term).nil();
  return result.take();
}
const TermBytes expired = value(atom("expired"));

struct Asked {
  explicit Asked(const std::string& departed, std::optional<ModuleFunction> function = std::nullopt,
                 const std::string& target = own)
      : departed_(departed) {
    request.departed = node(departed);
    request.target = node(target);
    request.function = std::move(function);
    request.still_departed = [this] { return still_departed; };
    request.in_cluster = [departed](const NodeName& name) {
      return name.alive() == "myapp" && name.str() != departed;
    };
  }

  void start() {
    boost::asio::co_spawn(
        loop,
        [this]() -> boost::asio::awaitable<void> {
          const DisconnectRequest copy = request;
          result = co_await agent::disconnect(connections, copy);
        },
        boost::asio::detached);
    loop.poll();
  }
  /// Answers the one call that is open, and must begin so.
  void answer(const std::string& beginning, const distribution::CallResult& with) {
    REQUIRE(connections.calls.size() == 1);
    CAPTURE(connections.calls.front().text);
    CHECK(connections.calls.front().text.starts_with(beginning));
    last_text = connections.calls.front().text;
    connections.take_call().done(with);
    loop.poll();
    loop.restart();
  }
  void knows_global_disconnect() { answer("erlang:function_exported([global,disconnect,0])", atom("true")); }
  /// The clock, then the list.
  void looks(const Texts& connected) {
    answer("erlang:monotonic_time([millisecond])", integer(looked_at));
    answer("erlang:nodes([connected])", atoms(connected));
  }

  boost::asio::io_context loop;
  FakeConnections connections{cnode};
  DisconnectRequest request{
      .departed = node(own), .target = node(own), .function = {}, .still_departed = {}, .in_cluster = {}};
  bool still_departed = true;
  std::optional<DisconnectResult> result;
  std::string last_text;

 private:
  std::string departed_;
};

/// The target itself has departed, and is connected to us.
struct OwnDeparture : Asked {
  OwnDeparture() : Asked(own) {
    connections.connected_peers.insert(node(own));
    start();
  }
};

}  // namespace

TEST_CASE("a departed target is asked for global:disconnect/0 after a look, while that is fresh") {
  OwnDeparture departure;
  departure.knows_global_disconnect();
  departure.looks({other, cnode});
  departure.answer("erl_eval:expr(", value(atoms({other})));
  CHECK(departure.last_text.find("monotonic_time") != std::string::npos);
  departure.answer("erlang:nodes([hidden])", atoms({cnode}));
  REQUIRE(departure.result);
  CHECK(departure.result->outcome == DisconnectOutcome::done);
  CHECK(departure.result->detail == "global:disconnect left [myapp@10.42.0.2]");
  CHECK(departure.connections.disconnected.empty());
}

TEST_CASE(
    "what is hidden and still connected afterwards is cut one by one, and nothing else that is hidden") {
  OwnDeparture departure;
  departure.knows_global_disconnect();
  departure.looks({other, "tool@10.42.0.9", cnode});
  departure.answer("erl_eval:expr(", value(atoms({})));
  departure.answer("erlang:nodes([hidden])", atoms({other, "tool@10.42.0.9", cnode}));
  departure.answer("erl_eval:expr(", value(atom("true")));
  REQUIRE(departure.result);
  CHECK(departure.result->outcome == DisconnectOutcome::done);
  CHECK(departure.result->detail == "erlang:disconnect_node for 1 nodes");
}

TEST_CASE("nothing destructive is called when it has not departed any more, by the newest metadata") {
  OwnDeparture departure;
  departure.knows_global_disconnect();
  departure.still_departed = false;
  departure.looks({other});
  REQUIRE(departure.result);
  CHECK(departure.result->outcome == DisconnectOutcome::withdrawn);
  CHECK(departure.connections.calls.empty());
}

TEST_CASE("a node that comes to the call too late makes none") {
  OwnDeparture departure;
  departure.knows_global_disconnect();
  departure.looks({other});
  departure.answer("erl_eval:expr(", expired);
  REQUIRE(departure.result);
  CHECK(departure.result->outcome == DisconnectOutcome::withdrawn);
}

TEST_CASE("a node that is connected to nobody of the cluster is left alone") {
  OwnDeparture departure;
  departure.knows_global_disconnect();
  departure.looks({cnode, "tool@10.42.0.9"});
  REQUIRE(departure.result);
  CHECK(departure.result->outcome == DisconnectOutcome::done);
}

TEST_CASE("without global:disconnect/0 the connections are cut one by one, if nothing prevents partitions") {
  OwnDeparture departure;
  departure.answer("erlang:function_exported(", atom("false"));
  departure.answer("application:get_env([kernel,prevent_overlapping_partitions])",
                   TermWriter().tuple(2).atom("ok").atom("false").take());
  departure.answer("erlang:system_info([otp_release])", atom("undefined"));
  departure.looks({other, "myapp@10.42.0.3", cnode});
  departure.answer("erl_eval:expr(", value(atom("true")));
  CHECK(departure.last_text.find("disconnect_node") != std::string::npos);
  departure.answer("erl_eval:expr(", value(atom("true")));
  REQUIRE(departure.result);
  CHECK(departure.result->outcome == DisconnectOutcome::done);
  CHECK(departure.result->detail == "erlang:disconnect_node for 2 nodes");
}

TEST_CASE("without global:disconnect/0, where partitions are prevented, nothing is cut") {
  OwnDeparture departure;
  departure.answer("erlang:function_exported(", atom("false"));
  departure.answer("application:get_env(", atom("undefined"));
  departure.answer("erlang:system_info(", atom("undefined"));
  REQUIRE(departure.result);
  CHECK(departure.result->outcome == DisconnectOutcome::unsupported);
  CHECK(departure.connections.calls.empty());
}

TEST_CASE("a call that fails for another reason takes no other way") {
  for (int failing = 0; failing < 4; ++failing) {
    CAPTURE(failing);
    OwnDeparture departure;
    const distribution::CallResult no_answer = tl::unexpected(timeout);
    const auto step = [&](int number, const char* beginning, const TermBytes& good) {
      if (failing < number) {
        return;
      }
      departure.answer(beginning, failing == number ? no_answer : distribution::CallResult(good));
    };
    step(0, "erlang:function_exported(", atom("true"));
    step(1, "erlang:monotonic_time(", integer(looked_at));
    step(2, "erlang:nodes([connected])", atoms({other}));
    step(3, "erl_eval:expr(", value(atoms({})));
    REQUIRE(departure.result);
    CHECK(departure.result->outcome == DisconnectOutcome::failed);
    CHECK(departure.connections.calls.empty());
  }
}

TEST_CASE(
    "a peer is connected to for this, asked only while it lists the target, and that connection closed "
    "again") {
  Asked peer(other);
  peer.start();
  CHECK(peer.connections.attempts == Texts{other});
  peer.connections.end_attempt({});
  peer.loop.poll();
  peer.loop.restart();
  peer.knows_global_disconnect();
  peer.looks({own, "myapp@10.42.0.3", cnode});
  peer.answer("erl_eval:expr(", value(atoms({own})));
  peer.answer("erlang:nodes([hidden])", atoms({cnode}));
  REQUIRE(peer.result);
  CHECK(peer.result->outcome == DisconnectOutcome::done);
  CHECK(peer.connections.disconnected == Texts{other});

  Asked elsewhere(other);
  elsewhere.connections.connected_peers.insert(node(other));
  elsewhere.start();
  elsewhere.knows_global_disconnect();
  elsewhere.looks({"myapp@10.42.0.3"});
  REQUIRE(elsewhere.result);
  CHECK(elsewhere.result->outcome == DisconnectOutcome::done);
  CHECK(elsewhere.connections.disconnected.empty());
}

TEST_CASE("a peer that is listed again while it was connected to is not asked") {
  Asked peer(other);
  peer.start();
  peer.still_departed = false;
  peer.connections.end_attempt({});
  peer.loop.poll();
  peer.loop.restart();
  peer.knows_global_disconnect();
  peer.looks({own});
  REQUIRE(peer.result);
  CHECK(peer.result->outcome == DisconnectOutcome::withdrawn);
  CHECK(peer.connections.disconnected == Texts{other});
}

TEST_CASE("a peer that cannot be reached is reported as that") {
  Asked peer(other);
  peer.start();
  peer.connections.fail_attempt("epmd", ErrorCode::timeout, "its epmd does not answer");
  peer.loop.poll();
  REQUIRE(peer.result);
  CHECK(peer.result->outcome == DisconnectOutcome::unreachable);
  CHECK(peer.result->detail == "its epmd does not answer");
}

TEST_CASE("the user's function is called on the target with each node, while the look is fresh") {
  Asked peer(other, ModuleFunction{"my", "disconnect"});
  peer.start();
  CHECK(peer.connections.attempts.empty());
  peer.looks({other, "myapp@10.42.0.3"});
  peer.answer("erl_eval:expr(", value(atom("ok")));
  CHECK(peer.last_text.find("my") != std::string::npos);
  CHECK(peer.last_text.ends_with(" on " + own));
  REQUIRE(peer.result);
  CHECK(peer.result->outcome == DisconnectOutcome::done);
  CHECK(peer.result->detail == "my:disconnect for 1 nodes");
}

TEST_CASE("a departed target on another host is left alone if another C-node lives at its address") {
  for (const bool claimed : {true, false}) {
    CAPTURE(claimed);
    Asked target(other, std::nullopt, other);
    target.connections.connected_peers.insert(node(other));
    target.start();
    target.knows_global_disconnect();
    target.answer("erlang:nodes([hidden])",
                  atoms({cnode, claimed ? "other_cnode@10.42.0.2" : "other_cnode@10.42.0.3"}));
    if (claimed) {
      REQUIRE(target.result);
      CHECK(target.result->outcome == DisconnectOutcome::claimed);
      CHECK(target.result->detail == "other_cnode@10.42.0.2");
    } else {
      target.looks({own});
      target.answer("erl_eval:expr(", value(atoms({own})));
    }
  }
}

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
