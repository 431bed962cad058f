// The settings of each component, from the configuration. Used by the agent, and by the commands that run one
// component alone. Pure except for the random seed.
#pragma once

#include <string>
#include <vector>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::agent {

/// The path of each service, once.
[[nodiscard]] std::vector<std::string> paths_of(const std::vector<PeerService>& services);
[[nodiscard]] metadata::WatcherSettings watcher_settings(const Config& config);
/// How the distribution ports of BEAMs are found.
[[nodiscard]] distribution::PortSource port_source(const Config& config);
/// How peers are probed: as the settings say, without epmd by their distribution port.
[[nodiscard]] ProbeMode probe_mode(const Config& config);
/// `own` is the address of this container, here and below.
[[nodiscard]] distribution::CNode::Settings cnode_settings(const Config& config, Ipv4Address own);
/// One for each service. Precondition: node_basename is known.
[[nodiscard]] std::vector<membership::MembershipSettings> membership_settings(const Config& config,
                                                                              Ipv4Address own);
/// Each has its own seed, so that the retries of many C-nodes spread.
[[nodiscard]] reconciler::ReconcilerSettings reconciler_settings(const Config& config,
                                                                 const NodeName& target);

/// Those that decide who is a peer and who disconnects it. Two C-nodes of one container for which they are
/// equal do the same with the same answers. Precondition: node_basename is known.
[[nodiscard]] std::vector<status::Setting> deciding_settings(const Config& config);

}  // namespace rancher_cnode::agent
