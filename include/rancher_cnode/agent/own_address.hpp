// The `ip` command: the address that the metadata service knows for this container. Used by main.
#pragma once

#include "rancher_cnode/address.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/config.hpp"
#include "rancher_cnode/error.hpp"
#include "rancher_cnode/log.hpp"

namespace rancher_cnode::agent {

/// Asks until metadata gives an address that an interface here has, or for `timeout` (0 = for ever): then
/// ErrorCode::timeout with the last reason in words. Blocks.
[[nodiscard]] Expected<Ipv4Address> own_address(const Config& config, Milliseconds timeout, const Log& log);

}  // namespace rancher_cnode::agent
