// The command `mesh`: who is connected to whom, by what all members report. Used by commands.
#pragma once

#include <string_view>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::cli {

/// `format` is table, dot, svg or json. Prints on standard output, or one line on standard error. Returns the
/// exit status: 0 whole, 1 no C-node, 3 holes or unconfirmed, 4 not driving.
[[nodiscard]] int print_mesh(const Config& config, Milliseconds timeout, std::string_view format,
                             const config::Environment& environment);

}  // namespace rancher_cnode::cli
