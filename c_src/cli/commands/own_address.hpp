// The `ip` command: the address of this container by the metadata service. Used by main.
#pragma once

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {

/// Asks until the metadata returns an address that an interface of this container has, at most for `timeout`
/// (0 = no limit): then ErrorCode::timeout with the last reason in words. Blocks.
[[nodiscard]] Expected<Ipv4Address> own_address(const Config& config, Milliseconds timeout, const Log& log);

}  // namespace rancher_cnode::cli
