// What a release in this container needs to know to become a node with a long name: the variables that the
// commands exec and env hand to it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {

using Variables = std::vector<std::pair<std::string, std::string>>;  ///< names and values

/// The node name of the BEAM of this container, if one runs that can be connected. Reads /proc once.
[[nodiscard]] std::optional<NodeName> running_node(const Config& config);

/// The cookie by which the C-node of this container can be asked: of the settings, else of the BEAM that
/// runs, else of the environment. ErrorCode::not_found if there is none yet.
[[nodiscard]] Expected<Cookie> container_cookie(const Config& config);

/// How its C-node speaks: as the settings say, else as the BEAM that runs; nothing: plain TCP.
[[nodiscard]] std::optional<TlsSettings> container_tls(Config config);

/// The BEAM of this container, through which alone its C-node is reached where there is no epmd.
struct EpmdlessBeam {
  NodeName node;
  std::uint16_t dist_port;
  friend bool operator==(const EpmdlessBeam&, const EpmdlessBeam&) = default;
};
/// As the settings say, else as the BEAM that runs; nothing: epmd is used, or there is no such BEAM yet.
/// `own` is the address of this container. Reads /proc once.
[[nodiscard]] std::optional<EpmdlessBeam> epmdless_beam(const Config& config, Ipv4Address own);

/// The address from the settings ($CONTAINER_IP included), else from the metadata, else, if that does not
/// have it in time, the only one that this container has. ErrorCode::timeout with the reason in words.
/// Blocks; `timeout` 0 = no limit.
[[nodiscard]] Expected<Ipv4Address> container_address(const Config& config, Milliseconds timeout,
                                                      const Log& log);

/// The address from the settings, else that of the BEAM that runs here, else the only one that this container
/// has. ErrorCode::not_found where only the metadata knows. Does not block.
[[nodiscard]] Expected<Ipv4Address> address_without_metadata(const Config& config);

/// The address under which the C-node of this container has its name: as above, where that is not certain the
/// metadata's, for which it blocks up to `timeout` (0 = no limit).
[[nodiscard]] Expected<Ipv4Address> address_of_cnode(const Config& config, Milliseconds timeout,
                                                     const Log& log);

/// CONTAINER_IP and, if the alive name is known, RELEASE_DISTRIBUTION and RELEASE_NODE: those that
/// `environment` lacks.
[[nodiscard]] Variables variables_of(Ipv4Address address, const std::optional<std::string>& alive_name,
                                     const config::Environment& environment);
/// The same for the node of running_node().
[[nodiscard]] Variables variables_of(const NodeName& node, const config::Environment& environment);

}  // namespace rancher_cnode::cli
