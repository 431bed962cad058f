// The `ip` command: the address of this container by the metadata service. Used by main.
#pragma once

#include "rancher_cnode/address.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/config.hpp"
#include "rancher_cnode/error.hpp"
#include "rancher_cnode/log.hpp"

namespace rancher_cnode::agent {

/// Asks until the metadata returns an address that an interface of this container has, at most for `timeout` (0 = no
/// limit): then ErrorCode::timeout with the last reason in words. Blocks.
[[nodiscard]] Expected<Ipv4Address> own_address(const Config& config, Milliseconds timeout, const Log& log);

}  // namespace rancher_cnode::agent
