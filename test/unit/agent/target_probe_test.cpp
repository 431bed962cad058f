// One driven BEAM: its peers are probed before they are dialled.
#include <doctest/doctest.h>

#include <algorithm>

#include "driven_target.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using distribution::test::run_until;
using State = status::TargetSnapshot::State;

TEST_CASE("a peer is probed first, and dialled only if its epmd knows it") {
  Driven driven([](Config& config) { config.probe = ProbeMode::epmd; });
  driven.epmd.names = {{"b", 4711}};
  driven.connected(desired({peer, other_peer}));
  CHECK(driven.node.calls.empty());
  const auto is_asked_for = [&](const char* whom) {
    return std::ranges::count(driven.node.attempts, whom) == 1;
  };
  run_until(driven.loop, "both probes",
            [&] { return is_asked_for(peer) && driven.lines->count("peer_unreachable") == 1; });
  CHECK_FALSE(is_asked_for(other_peer));
  const auto probes = [&](reconciler::ProbeOutcome outcome) {
    return driven.durations.probes.at(static_cast<std::size_t>(outcome)).count;
  };
  CHECK(probes(reconciler::ProbeOutcome::found) == 1);
  CHECK(probes(reconciler::ProbeOutcome::not_registered) == 1);
  // The other one might be connected to it: what the peer is connected to is inspected before it is dialled.
  driven.node.fail_attempt("epmd", ErrorCode::not_found, "not registered");
  driven.node.end_attempt({});
  driven.loop.restart();
  driven.loop.poll();
  driven.node.answer(std::string("erlang:nodes([connected]) on ") + peer, atoms({}));
  driven.loop.restart();
  driven.loop.poll();
  CHECK(driven.calls() == Texts{"net_kernel:connect_node([b@127.0.0.1]) on myapp@127.0.0.1"});
  CHECK(driven.lines->of("peer_unreachable") ==
        Texts{"event=peer_unreachable msg=\"the peer's epmd does not know the node\" target=myapp@127.0.0.1 "
              "peer=c@127.0.0.1"});
}

TEST_CASE(
    "a peer that waits for a member without epmd is not dialled, and the log has the reason of status") {
  Driven driven([](Config& config) { config.probe = ProbeMode::epmd; });
  driven.epmd.names = {{"b", 4711}};
  driven.connected(desired({peer, other_peer}));
  run_until(driven.loop, "both probes", [&] {
    return driven.node.attempts.back() == peer && driven.lines->count("peer_unreachable") == 1;
  });
  driven.node.fail_attempt("epmd", ErrorCode::not_found, "not registered");
  driven.node.end_attempt({});
  driven.loop.restart();
  driven.loop.poll();
  driven.node.answer(std::string("erlang:nodes([connected]) on ") + peer, atoms({other_peer}));
  driven.loop.restart();
  driven.loop.poll();
  CHECK(driven.node.calls.empty());
  const auto view = driven.target->snapshot().peers.front();
  CHECK(view.state == reconciler::PeerState::held);
  CHECK(driven.lines->of("peer_unreachable").back().find(view.reason) != std::string::npos);
}

TEST_CASE("without epmd a peer is dialled if somebody listens on its distribution port") {
  for (const bool listens : {true, false}) {
    CAPTURE(listens);
    const distribution::test::RawListener listener;
    const distribution::test::ReservedPort free;
    Driven driven([&](Config& config) {
      config.probe = ProbeMode::epmd;
      config.dist_port = listens ? listener.port() : free.number();
    });
    driven.connected(desired({peer}));
    run_until(driven.loop, "the probe",
              [&] { return !driven.node.calls.empty() || driven.lines->count("peer_unreachable") == 1; });
    CHECK(driven.calls() ==
          (listens ? Texts{"net_kernel:connect_node([b@127.0.0.1]) on myapp@127.0.0.1"} : Texts{}));
    CHECK(driven.lines->of("peer_unreachable") ==
          (listens ? Texts{}
                   : Texts{"event=peer_unreachable msg=\"nobody listens on the peer's distribution port\" "
                           "target=myapp@127.0.0.1 peer=b@127.0.0.1"}));
    CHECK(driven.epmd.requests.empty());
  }
}

TEST_CASE("a lost peer that is found again is not logged as unreachable") {
  Driven driven([](Config& config) { config.probe = ProbeMode::epmd; });
  driven.epmd.names = {{"b", 4711}};
  driven.connected(desired({peer}), {peer});
  driven.timers.advance(Milliseconds(5'000));
  driven.list({});
  run_until(driven.loop, "the inspection", [&] { return driven.node.attempts.back() == peer; });
  CHECK(driven.lines->count("peer_lost") == 1);
  CHECK(driven.lines->count("peer_unreachable") == 0);
}

TEST_CASE("a probe that nobody answers ends after a second") {
  Driven driven([](Config& config) { config.probe = ProbeMode::epmd; });
  driven.epmd.manner = distribution::test::EpmdStandIn::Manner::silent;
  driven.connected(desired({peer}));
  const TimePoint begin = Clock::now();
  run_until(driven.loop, "the probe's end", [&] { return driven.lines->count("peer_unreachable") == 1; });
  CHECK(Clock::now() - begin >= Milliseconds(990));
  CHECK(Clock::now() - begin < Milliseconds(1'000) + distribution::test::busy_machine);
}
