// Disconnecting a departed node: which calls are made, in which order, and what is looked at before a
// destructive one.
#include <doctest/doctest.h>

#include "asked_node.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using reconciler::DisconnectOutcome;

namespace {

/// The target itself has departed, and is connected to us.
struct OwnDeparture : Asked {
  OwnDeparture() : Asked(own) {
    connections.connected_peers.insert(node(own));
    start();
  }
  distribution::ConnectionUse of_target = connections.use(node(own));
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
  CHECK(departure.result->detail == "global:disconnect/0 disconnected it from [myapp@10.42.0.2]");
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
  const auto in_use = elsewhere.connections.use(node(other));
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
