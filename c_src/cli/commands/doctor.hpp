// The command `doctor`: checks every precondition of a cluster, one after the other. Used by main.
#pragma once

#include "cli/command_line.hpp"
#include "rancher_cnode/config/environment.hpp"

namespace rancher_cnode::cli {

/// Prints the findings on standard output: a table, or JSON. Takes --timeout at most, 0 = 24 h. Returns the
/// exit status: 0 all ok, 1 warnings, 2 failures. Reads only; see doctor/collect.
[[nodiscard]] int print_doctor(const Invocation& invocation, const config::Environment& environment);

}  // namespace rancher_cnode::cli
