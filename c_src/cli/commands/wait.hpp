// The `wait` command: blocks until the C-node of this container reports that its initial sync is done. Used
// by main.
#pragma once

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {

/// Asks `<basename>@<our address>` (as container_report() finds it) as a separate node, and retries while it
/// is not there, for `timeout` (0 = no limit): then, at most a second later, ErrorCode::timeout with the
/// reason in words. Blocks.
[[nodiscard]] Expected<void> wait_for_initial_sync(const Config& config, Milliseconds timeout,
                                                   const Log& log);

/// Asks for the status until every dialable peer is connected, for `timeout` (0 = no limit): then, at most a
/// second later, ErrorCode::timeout with what is missing in words. Survives restarts of the C-node. Blocks.
[[nodiscard]] Expected<void> wait_for_peers(const Config& config, Milliseconds timeout, const Log& log);

}  // namespace rancher_cnode::cli
