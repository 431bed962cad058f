// The network interfaces of this host, which in a container are those of its network namespace. Used by agent
// and cli.
#pragma once

#include <vector>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode {

/// All IPv4 addresses of the interfaces, loopback included. ErrorCode::failed if the system does not list
/// them.
[[nodiscard]] Expected<std::vector<Ipv4Address>> interface_addresses();

/// Whether an interface has this address. True also if the system does not list them.
[[nodiscard]] bool is_on_an_interface(Ipv4Address address);

}  // namespace rancher_cnode
