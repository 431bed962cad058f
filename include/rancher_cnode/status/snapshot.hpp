// All that this node knows at one moment, as values: who should be there, who is, and for each that is not,
// why. Made by the agent; shown by snapshot_term. Changes nothing.
#pragma once

#include <string>
#include <vector>

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/membership/reconciler.hpp"
#include "rancher_cnode/node_name.hpp"

namespace rancher_cnode::status {

/// What the metadata last said, and where.
struct MetadataSnapshot {
  std::string url;      ///< base URL that answered last; "" if none did
  std::string version;  ///< "" if not known
  membership::MembershipView view;
};

/// One BEAM that is driven, and the cluster as it sees it.
struct TargetSnapshot {
  enum class State {
    awaited,  ///< no link to it
    linked,
    not_responding,  ///< it is there, linked or not, but its answers do not come
  };
  NodeName node;
  State state = State::awaited;
  std::string reason;  ///< why it is not well; empty if linked
  std::string stage;   ///< at which the last try to link it failed: "epmd", or the handshake's; or empty
  TimePoint since;     ///< of the link, or of its absence
  bool first_round_done = false;
  std::size_t linked = 0;  ///< members that it is linked to
  /// Whole if one BEAM is driven; of many, only who is not linked.
  std::vector<membership::PeerView> peers;
  std::vector<membership::DepartedView> departed;  ///< those that are still connected, or may be
  membership::ReconcilerCounters counters;
};
[[nodiscard]] std::string_view to_string(TargetSnapshot::State state);

struct Snapshot {
  TimePoint now;
  TimePoint started;
  NodeName node;
  std::string program_version;
  distribution::RegistrationState registration = distribution::RegistrationState::unavailable;
  std::size_t links = 0;
  distribution::CNode::Counters node_counters;
  MetadataSnapshot metadata;
  /// What the metadata says of every member and departed peer.
  std::vector<membership::PeerStanding> standings;
  std::vector<TargetSnapshot> targets;
};

}  // namespace rancher_cnode::status
