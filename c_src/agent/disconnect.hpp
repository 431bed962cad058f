// Disconnecting one departed node from the cluster without breaking the others. Used by Target.
//
// The node itself runs global:disconnect/0, asked over a connection of our own: this process is hidden, so
// that connection is no part of global's mesh. Cutting the node off from the others' side instead makes OTP
// 25's global cut them from one another, unless its prevention of overlapping partitions is off. So where
// global:disconnect/0 is missing (before OTP 25.1), the node is asked for that first, and if it is on,
// nothing is done. Connections that are hidden are no business of global's: they are cut one by one.
//
// Every destructive call is preceded by a look: still departed by the newest metadata, still connected by the
// node's own list. And the node makes it only while that look is fresh by the node's own clock, for it may
// have hung between the two and be a member again when it continues.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::agent {

struct DisconnectRequest {
  NodeName departed;
  NodeName target;  ///< the BEAM that is driven; the departed one itself: its own departure
  /// The user's own way, called on the target for each node to disconnect.
  std::optional<ModuleFunction> function;
  std::function<bool()> still_departed;  ///< by the newest metadata
  /// The nodes that a target which has departed is to be disconnected from; unused otherwise.
  std::function<bool(const NodeName&)> in_cluster;
};

struct DisconnectResult {
  reconciler::DisconnectOutcome outcome;
  std::string detail;  ///< for the log
};

/// On the loop. A connection that is made for this is closed again unless another uses it by then. `cnode`
/// must outlive it.
[[nodiscard]] boost::asio::awaitable<DisconnectResult> disconnect(distribution::Connections& cnode,
                                                                  DisconnectRequest request);

}  // namespace rancher_cnode::agent
