// One driven BEAM: the actions that are carried out on it, and what their answers come to.
#include <doctest/doctest.h>

#include <algorithm>

#include "driven_target.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using State = status::TargetSnapshot::State;

TEST_CASE("nothing is called before the target is connected") {
  Driven driven;
  CHECK(driven.node.attempts == Texts{own_target});
  driven.target->desired_changed(desired({own_target, peer}));
  driven.target->on_external_change();
  driven.timers.advance(Milliseconds(10'000));
  CHECK(driven.node.calls.empty());
}

TEST_CASE("a connected target lists its connections, and is asked to connect to each peer that it lacks") {
  Driven driven;
  driven.target->desired_changed(desired({own_target, peer, other_peer}));
  driven.target->node_up();
  REQUIRE(driven.node.calls.size() == 1);
  CHECK(driven.node.calls.front().limit == Milliseconds(5'000));
  driven.list({other_peer, "unknown@127.0.0.1"});
  REQUIRE(driven.calls() == Texts{"net_kernel:connect_node([b@127.0.0.1]) on myapp@127.0.0.1"});
  CHECK(driven.node.calls.front().limit == Milliseconds(15'000));
  CHECK_FALSE(driven.target->has_synced());

  driven.timers.advance(Milliseconds(40));
  driven.dial(peer);
  const auto& dials = driven.durations.dials.at(static_cast<std::size_t>(reconciler::DialOutcome::connected));
  CHECK(dials.count == 1);
  CHECK(dials.total == Milliseconds(40));
  CHECK(driven.target->has_synced());
  CHECK(driven.lines->of("peer_connected") ==
        Texts{"event=peer_connected target=myapp@127.0.0.1 peer=c@127.0.0.1",
              "event=peer_connected target=myapp@127.0.0.1 peer=b@127.0.0.1 took_ms=40"});
}

TEST_CASE("the functions that the user names are called in place of OTP's") {
  Driven driven([](Config& config) {
    config.list_nodes = ModuleFunction{"my", "list"};
    config.connect = {"my", "connect"};
  });
  driven.target->desired_changed(desired({peer}));
  driven.target->node_up();
  driven.node.answer("my:list([]) on myapp@127.0.0.1", atoms({}));
  CHECK(driven.calls() == Texts{"my:connect([b@127.0.0.1]) on myapp@127.0.0.1"});
}

TEST_CASE("a dial that fails is logged with what its answer means, and a dial that works is not") {
  struct Row {
    distribution::CallResult answer;
    Milliseconds took;
    const char* reason;
  };
  for (const auto& row :
       {Row{atom("false"), Milliseconds(10), "the dial failed"},
        Row{atom("false"), Milliseconds(7'000),
            "the dial was not answered: the peer's BEAM hangs, the network drops its packets, or the address "
            "is another host's"},
        Row{atom("ignored"), Milliseconds(10), "the target is not alive as a node"},
        Row{tl::unexpected(timeout), Milliseconds(10), "the target did not answer the dial"}}) {
    CAPTURE(row.reason);
    Driven driven;
    driven.connected(desired({peer}));
    const auto call = driven.node.take_call();
    driven.timers.advance(row.took);
    call.done(row.answer);
    CHECK(driven.lines->of("peer_unreachable") ==
          Texts{"event=peer_unreachable msg=\"" + std::string(row.reason) +
                "\" target=myapp@127.0.0.1 peer=b@127.0.0.1"});
    CHECK(driven.lines->count("peer_connected") == 0);
    CHECK(driven.target->has_synced());
  }

  Driven driven;
  driven.connected(desired({peer}));
  driven.dial(peer);
  CHECK(driven.lines->count("peer_unreachable") == 0);
}

TEST_CASE("a dial that fails although its peer has connected by itself is no failure") {
  Driven driven;
  driven.connected(desired({peer}));
  const auto dial = driven.node.take_call();
  driven.timers.advance(Milliseconds(1'000));
  driven.list({peer});
  dial.done(atom("false"));
  CHECK(driven.lines->count("peer_connected") == 1);
  CHECK(driven.lines->count("peer_unreachable") == 0);
}

TEST_CASE("connections are listed once a second, and one that is lost is dialled again") {
  Driven driven;
  driven.connected(desired({peer}), {peer});
  driven.timers.advance(Milliseconds(999));
  CHECK(driven.node.calls.empty());
  driven.timers.advance(Milliseconds(1));
  driven.list({});
  CHECK(driven.lines->count("peer_lost") == 1);
  driven.inspect_clear(peer);
  driven.dial(peer);
}

TEST_CASE("a peer that is dialled while a list is out is not logged as lost because that list lacks it") {
  Driven driven;
  driven.connected(desired({peer}));
  driven.timers.advance(Milliseconds(1'000));
  driven.dial(peer);
  driven.list({});
  CHECK(driven.lines->count("peer_connected") == 1);
  CHECK(driven.lines->count("peer_lost") == 0);
  driven.list({peer});
  CHECK(driven.lines->count("peer_lost") == 0);
}

TEST_CASE(
    "a list that takes too long has twice the time at the next attempt, up to a minute, and 5 s once it "
    "came") {
  Driven driven;
  driven.target->desired_changed(desired({peer}));
  driven.target->node_up();
  for (const int limit : {5'000, 10'000, 20'000, 40'000, 60'000, 60'000}) {
    const auto list = driven.node.take_call();
    CHECK(list.limit == Milliseconds(limit));
    list.done(tl::unexpected(timeout));
    driven.timers.advance(Milliseconds(1'000));
  }
  driven.list({peer});
  driven.timers.advance(Milliseconds(1'000));
  CHECK(driven.node.take_call().limit == Milliseconds(5'000));
}

TEST_CASE("a list that fails or is none is reported, and asked for again after a second") {
  for (const auto& answer : {distribution::CallResult(tl::unexpected(timeout)), {atom("nonsense")}}) {
    Driven driven;
    driven.target->desired_changed(desired({peer}));
    driven.target->node_up();
    driven.node.take_call().done(answer);
    CHECK(driven.target->snapshot().state == State::unresponsive);
    CHECK(driven.target->failing());
    CHECK(driven.lines->count("target_unresponsive") == 1);
    CHECK(driven.node.calls.empty());
    driven.timers.advance(Milliseconds(1'000));
    driven.list({peer});
    CHECK(driven.target->snapshot().state == State::connected);
    CHECK(driven.lines->count("target_responsive") == 1);
    CHECK(driven.target->snapshot().counters.lists_failed == 1);
  }
}

TEST_CASE("after a restart of the target what was known of its connections is void") {
  Driven driven;
  driven.connected(desired({peer}), {peer});
  CHECK(driven.target->has_synced());
  driven.target->node_down(closed);
  CHECK_FALSE(driven.target->has_synced());
  CHECK(driven.lines->count("peer_lost") == 0);
  driven.target->node_up();
  driven.list({});
  CHECK(driven.lines->count("peer_lost") == 0);
  driven.dial(peer);
  CHECK(driven.lines->count("peer_connected") == 2);
}

TEST_CASE("answers that come after the target has gone change nothing") {
  Driven driven;
  driven.target->desired_changed(desired({peer}));
  driven.target->node_up();
  const auto list = driven.node.take_call();
  driven.target->node_down(closed);
  list.done(tl::unexpected(closed));
  CHECK(driven.target->snapshot().state == State::awaited);
  CHECK(driven.lines->count("target_unresponsive") == 0);

  driven.target->node_up();
  driven.list({});
  const auto dial = driven.node.take_call();
  driven.target->node_down(closed);
  dial.done(atom("true"));
  CHECK(driven.lines->count("peer_connected") == 0);
  CHECK(driven.target->snapshot().counters.stale_answers == 0);
}

TEST_CASE("an external change hastens the next attempt and the peers that wait") {
  Driven driven;
  driven.node.fail_attempt("epmd", ErrorCode::not_found, "not registered");
  driven.target->on_external_change();
  CHECK(driven.node.attempts.size() == 2);

  driven.connected(desired({peer}));
  driven.dial(peer, "false");
  CHECK(driven.node.calls.empty());
  driven.target->on_external_change();
  driven.dial(peer);
}

TEST_CASE("the owner hears of every step and of every failed attempt") {
  Driven driven;
  driven.node.fail_attempt("epmd", ErrorCode::not_found, "not registered");
  CHECK(driven.changes == 1);
  driven.target->desired_changed(desired({peer}));
  CHECK(driven.changes == 2);
  driven.target->node_up();
  CHECK(driven.changes == 3);
  driven.list({});
  CHECK(driven.changes == 4);
}

TEST_CASE("a snapshot has the target's state and its peers, and counts those that are connected") {
  Driven driven;
  driven.node.fail_attempt("challenge_ack", ErrorCode::refused, "the cookies differ");
  CHECK(driven.target->away());
  CHECK(driven.target->snapshot().stage == "challenge_ack");
  CHECK(driven.target->snapshot().reason == "the cookies differ");

  driven.timers.advance(Milliseconds(700));
  driven.target->desired_changed(desired({own_target, peer, other_peer, "d@127.0.0.1"}));
  driven.connected(desired({own_target, peer, other_peer, "d@127.0.0.1"}), {peer, "d@127.0.0.1"});
  driven.target->desired_changed(desired({own_target, peer, other_peer}, {"d@127.0.0.1"}));
  const auto snapshot = driven.target->snapshot();
  CHECK_FALSE(driven.target->away());
  CHECK_FALSE(driven.target->failing());
  CHECK(snapshot.node.str() == own_target);
  CHECK(snapshot.state == State::connected);
  CHECK(snapshot.since == driven.timers.now());
  CHECK_FALSE(snapshot.has_synced);
  CHECK(snapshot.connected == 1);
  REQUIRE(snapshot.peers.size() == 2);
  CHECK(snapshot.peers.back().state == reconciler::PeerState::dialling);
  CHECK(snapshot.departed.size() == 1);
  CHECK(snapshot.counters.lists == 2);
  driven.dial(other_peer);
  CHECK(driven.target->snapshot().has_synced);
}

TEST_CASE("once stopped it calls nothing, whatever is answered still") {
  Driven driven;
  driven.node.end_attempt({});
  driven.connected(desired({peer}));
  const auto dial = driven.node.take_call();
  driven.timers.advance(Milliseconds(1'000));
  const auto list = driven.node.take_call();
  const int changes = driven.changes;
  driven.target->stop();
  CHECK(driven.timers.idle());
  dial.done(atom("false"));
  list.done(tl::unexpected(timeout));
  driven.target->on_external_change();
  driven.target->desired_changed(desired({peer, other_peer}));
  driven.target->node_down(closed);
  CHECK(driven.changes == changes);
  CHECK(driven.node.calls.empty());
  CHECK(driven.node.attempts.size() == 1);
  CHECK(driven.lines->count("peer_unreachable") == 0);
  CHECK(driven.lines->count("target_unresponsive") == 0);
}
