// The command `plan`: what a C-node with the given settings would do next. Used by main.
#pragma once

#include <string_view>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::cli {

/// `format` is table or json. Prints the plan on standard output, a table or JSON, or one line on standard
/// error. Reads the metadata once, and asks the BEAM for its connections and a running C-node for its
/// members; `timeout` in all, 0 = 24 h. Changes nothing. Returns the exit status: 0, or 1 if something could
/// not be read.
[[nodiscard]] int print_plan(const Config& config, Milliseconds timeout, std::string_view format,
                             const config::Environment& environment);

}  // namespace rancher_cnode::cli
