// A Snapshot as Erlang terms, for the replies to gen_server calls. Used by the agent's status server.
//
// Keys and states are atoms from a fixed set, node names are atoms, texts are binaries, times are
// milliseconds ago, and unknown values are undefined.
#pragma once

#include "rancher_cnode/distribution/term.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::status {

/// #{node, version, uptime_ms, registration, connections, own_container, metadata => #{...}, targets =>
/// [#{...}], peers =>
/// [#{...}], departed => [#{node, target, state, reason, since_ms_ago}], counters => #{...}}. A target is
/// #{node, state, reason, stage, since_ms_ago, connected, has_synced, counters}; peers are as in peers_term.
[[nodiscard]] distribution::TermBytes status_term(const Snapshot& snapshot);

/// [#{node, target, state, dialable, reason, since_ms_ago, attempts, next_attempt_in_ms, ...}]: every peer of
/// the target. With --targets all, only the peers that a target is not connected to: the full list would grow
/// with the square of the service.
[[nodiscard]] distribution::TermBytes peers_term(const Snapshot& snapshot);

}  // namespace rancher_cnode::status
