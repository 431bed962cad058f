// Asking one node to leave the cluster without breaking the others. Used by Target.
//
// The leaver itself runs global:disconnect/0, asked over a link of our own: this process is hidden, so that
// link is no part of global's mesh. Cutting it off from the others' side instead makes OTP 25's global cut
// them from one another, unless its prevention of overlapping partitions is off. So where global:disconnect/0
// is missing (before OTP 25.1), the target is asked for that first, and if it is on, nobody is cut off.
#pragma once

#include <functional>
#include <optional>

#include "rancher_cnode/config.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/membership/reconciler.hpp"
#include "rancher_cnode/node_name.hpp"

namespace rancher_cnode::agent {

struct LeaveRequest {
  NodeName leaver;
  NodeName target;  ///< asked where the leaver knows no global:disconnect/0
  std::optional<ModuleFunction>
      disconnect;  ///< the user's own way, called on the target with the leaver's name
};

struct LeaveResult {
  membership::LeaveOutcome outcome;
  std::string detail;  ///< for the log
};

/// `done` runs once, later, on the loop. A link that was made for this is closed again.
void ask_to_leave(distribution::Connections& cnode, const LeaveRequest& request,
                  std::function<void(LeaveResult)> done);

}  // namespace rancher_cnode::agent
