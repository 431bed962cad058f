// Inspecting a lost peer: whether it still holds the connection that its other end has lost. Used by Target.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <vector>

#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::agent {

struct Inspection {
  reconciler::InspectOutcome outcome = reconciler::InspectOutcome::no_answer;
  std::vector<NodeName> connections;  ///< of the peer, if it is clear
};

/// What `peer`, to which `target` is not connected, is connected to. If it still lists `target`, while
/// `target` does not list it, its connections are those of a node that was away. It is asked for
/// global:disconnect/0 then, where it has that: it comes back to everybody like a new node, and its global
/// has no loss to report that would make others cut one another. On the loop; a connection that is made for
/// this is closed again unless another uses it by then, and `cnode` must outlive it.
[[nodiscard]] boost::asio::awaitable<Inspection> inspect(distribution::Connections& cnode, NodeName peer,
                                                         NodeName target);

}  // namespace rancher_cnode::agent
