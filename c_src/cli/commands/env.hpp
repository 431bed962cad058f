// The command `env`: shell assignments for rel/env.sh.eex of a release. Used by main.
#pragma once

#include <optional>
#include <string>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {

/// Lines for eval: export CONTAINER_IP='10.42.0.7', and for a release that is known by --node-basename,
/// $RELEASE_NAME or its running BEAM, RELEASE_DISTRIBUTION and RELEASE_NODE; only those that are not set. At
/// once where a BEAM runs, else as container_address() within `timeout`: by default 30 s for a
/// $RELEASE_COMMAND that boots a node, and 2 s for others. ErrorCode::malformed for a $RELEASE_NODE with a @
/// that no BEAM takes as a name.
[[nodiscard]] Expected<std::string> shell_assignments(const Config& config,
                                                      std::optional<Milliseconds> timeout,
                                                      const config::Environment& environment, const Log& log);

}  // namespace rancher_cnode::cli
