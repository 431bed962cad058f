// Reports as a caller receives them: of a snapshot, by way of its term.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "rancher_cnode/status/report.hpp"
#include "status/snapshot_term.hpp"

namespace rancher_cnode::status::test {

inline NodeName node(const std::string& name) { return *NodeName::parse(name); }
/// Whether it contains the part.
inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
inline TimePoint at(int ms) { return TimePoint(Milliseconds(ms)); }

/// The clock shows 100 s; the program has run for 90 s.
inline Snapshot snapshot_with(std::vector<reconciler::PeerView> peers, std::size_t connected) {
  Snapshot snapshot{.now = at(100'000),
                    .started = at(10'000),
                    .node = node("remsh-rancher_cnode@10.42.0.1"),
                    .program_version = "1.2.3",
                    .program_build = "release-gcc",
                    .registration = distribution::RegistrationState::registered,
                    .connections = 1,
                    .node_counters = {},
                    .metadata = {.url = "http://rancher-metadata", .version = "v1", .view = {}},
                    .member_views = {},
                    .targets = {}};
  snapshot.metadata.view.own = membership::OwnMembership::listed;
  snapshot.metadata.view.last_answer = snapshot.metadata.view.last_authoritative = at(98'000);
  snapshot.metadata.view.authoritative_reads = 7;
  snapshot.targets.push_back({.node = node("myapp@10.42.0.1"),
                              .state = TargetSnapshot::State::connected,
                              .reason = {},
                              .stage = {},
                              .since = at(40'000),
                              .has_synced = true,
                              .connected = connected,
                              .peers = std::move(peers),
                              .departed = {},
                              .counters = {}});
  return snapshot;
}

inline reconciler::PeerView connected_peer(const std::string& name) {
  return {.node = node(name),
          .state = reconciler::PeerState::connected,
          .reason = {},
          .since = at(50'000),
          .attempts = 0,
          .next_try = {}};
}

inline reconciler::PeerView waiting_peer(const std::string& name) {
  return {.node = node(name),
          .state = reconciler::PeerState::waiting,
          .reason = "the peer's epmd does not answer",
          .since = at(97'000),
          .attempts = 3,
          .next_try = at(102'000)};
}

/// Held by the metadata.
inline void hold(Snapshot& snapshot, const std::string& name) {
  snapshot.targets[0].peers.push_back({.node = node(name),
                                       .state = reconciler::PeerState::held,
                                       .reason = {},
                                       .since = at(1'000),
                                       .attempts = 0,
                                       .next_try = {}});
  snapshot.member_views.push_back({.node = node(name),
                                   .state = membership::MemberState::held,
                                   .reason = "its state is stopped",
                                   .since = at(1'000)});
}

inline Report report_of(const Snapshot& snapshot) {
  auto report = Report::read(status_term(snapshot));
  REQUIRE_MESSAGE(report, report.error().message);
  return *std::move(report);
}

}  // namespace rancher_cnode::status::test
