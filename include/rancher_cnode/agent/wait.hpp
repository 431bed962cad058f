// The `wait` command: blocks until the C-node of this container says that its first round is done. Used by
// main.
#pragma once

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/config.hpp"
#include "rancher_cnode/error.hpp"
#include "rancher_cnode/log.hpp"

namespace rancher_cnode::agent {

/// Asks `<basename>@<our address>` (config.ip, or what metadata tells) as a node of its own, again and again
/// while it is not there, for `timeout` (0 = for ever): then, at most a second later, ErrorCode::timeout
/// with what is missing in words. Blocks.
[[nodiscard]] Expected<void> wait_for_first_round(const Config& config, Milliseconds timeout, const Log& log);

}  // namespace rancher_cnode::agent
