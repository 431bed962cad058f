// What a C-node with given settings would do next, from one read of the metadata and the present connections
// of its BEAM: the real membership and reconciler run on these values, in a time of their own. Pure. Used by
// the command `plan`.
//
// If the running C-node has these settings, it is that one, with the members that it knows. Otherwise it is
// one that starts with them: that knows nobody, so nobody departs.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/membership/memberships.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::cli {

enum class PlannedAction {
  keep,    ///< connected, and stays so
  dial,    ///< the BEAM is asked to connect to it
  hold,    ///< a member that must not be dialled now; a connection to it stays
  depart,  ///< the metadata lacks it: it counts as departed after a delay
  leave,   ///< not a member: not dialled, and its connection is left alone
};
[[nodiscard]] std::string_view to_string(PlannedAction action);

struct PlannedPeer {
  NodeName node;
  PlannedAction action = PlannedAction::leave;
  std::string reason;                 ///< in words; empty if there is nothing to explain
  std::string service;                ///< path of the service on whose account it is a peer; "" if of none
  std::optional<Milliseconds> after;  ///< of a departure; nothing: not by these answers
};

struct Plan {
  NodeName target;
  std::string url;
  std::string version;
  std::vector<PlannedPeer> peers;  ///< in the order of the actions, then of the names
  /// Those in which the running C-node differs, without dashes. Not empty: this is for one that starts again.
  std::vector<std::string> other_settings;
  std::vector<std::string> notes;  ///< sentences about all of it
};

/// The C-node that runs in the container now.
struct RunningCnode {
  std::vector<NodeName> members;            ///< without its own BEAM
  std::vector<std::string> listed_in;       ///< paths of services that have listed this container
  std::vector<std::string> other_settings;  ///< in which it differs from the plan, without dashes
};

struct PlanInput {
  std::vector<membership::MembershipSettings> memberships;  ///< one for each service
  std::vector<LabelRule> labels = {};
  reconciler::ReconcilerSettings reconciler;
  metadata::Observation observation;
  std::vector<NodeName> connected;      ///< nodes(connected) of the BEAM, C-nodes left out
  std::optional<RunningCnode> running;  ///< nothing: there is none
};

/// ErrorCode::unavailable with the reason if the read has failed: then nothing would change.
[[nodiscard]] Expected<Plan> make_plan(const PlanInput& input);

/// Lines are wrapped at so many columns.
[[nodiscard]] std::string as_table(const Plan& plan,
                                   std::size_t columns = std::numeric_limits<std::size_t>::max());
/// One line: {"target": ..., "url": ..., "version": ..., "peers": [{"node", "action", "service", "reason",
/// "after_ms"}], "other_settings": [...], "notes": [...]}
[[nodiscard]] std::string as_json(const Plan& plan);

}  // namespace rancher_cnode::cli
