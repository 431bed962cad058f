// The network interfaces of this host, which in a container are those of its network namespace. Used by the agent.
#pragma once

#include "rancher_cnode/core/address.hpp"

namespace rancher_cnode {

/// Whether an interface has this address. True also if the system does not list them.
[[nodiscard]] bool is_on_an_interface(Ipv4Address address);

}  // namespace rancher_cnode
