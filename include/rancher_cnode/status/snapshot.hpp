// The state of this node at one moment, as values: the desired peers, the connected ones, and for each other
// one the reason. Made by the agent, encoded by snapshot_term.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/process_usage.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"
#include "rancher_cnode/status/durations.hpp"

namespace rancher_cnode::status {

/// The state of the metadata.
struct MetadataSnapshot {
  std::string url;                  ///< base URL that answered last; "" if none has
  std::string version;              ///< "" if not known
  membership::MembershipView view;  ///< of all services
  /// Of one service.
  struct Service {
    std::string path;
    membership::MembershipView view;
  };
  std::vector<Service> services = {};
};

/// One target, and the cluster as it sees it.
struct TargetSnapshot {
  enum class State {
    awaited,  ///< not connected
    connected,
    unresponsive,  ///< it is there, connected or not, but does not answer
  };
  NodeName node;
  State state = State::awaited;
  std::string reason;  ///< why it is not connected, or does not answer; empty if connected
  std::string stage;   ///< at which the last connection attempt failed: "epmd", or the handshake's; or empty
  TimePoint since;     ///< of the connection, or of its absence
  bool has_synced = false;
  std::size_t connected = 0;  ///< members that it is connected to
  /// All peers if there is one target; with all targets, only those that are not connected.
  std::vector<reconciler::PeerView> peers;
  std::vector<reconciler::DepartedView> departed;  ///< those that are still connected, or may be
  reconciler::ReconcilerCounters counters;
};
[[nodiscard]] std::string_view to_string(TargetSnapshot::State state);

/// One of the settings that decide who is a peer, and who disconnects it.
struct Setting {
  std::string name;   ///< without dashes
  std::string value;  ///< as in the environment; a list in its order; "" = none
  friend bool operator==(const Setting&, const Setting&) = default;
};

struct Snapshot {
  TimePoint now;
  TimePoint started;
  std::optional<NodeName> node;  ///< nothing: the own address or the BEAM is not known yet
  std::string awaits = {};       ///< which of them, and why; empty if the node is there
  std::string program_version;
  std::string program_build = {};  ///< how this file was made: "release-x86_64-gcc-12.2.0"; "" if not known
  distribution::RegistrationState registration = distribution::RegistrationState::unavailable;
  std::size_t connections = 0;
  distribution::CNode::Counters node_counters;
  std::vector<Setting> settings = {};  ///< none before the node is there
  MetadataSnapshot metadata;
  /// Of every member and departed peer, by the metadata.
  std::vector<membership::MemberView> member_views;
  std::vector<TargetSnapshot> targets;
  Milliseconds started_unix{0};  ///< after 1970-01-01 UTC
  ProcessUsage process = {};
  Durations durations = {};
};

}  // namespace rancher_cnode::status
