// The command `exec`: a command of the container with a C-node beside it. Used by main.
#pragma once

#include "cli/command_line.hpp"
#include "rancher_cnode/config/environment.hpp"

namespace rancher_cnode::cli {

/// Waits for the address of this container, sets the variables of a release in it, and runs
/// invocation.program as init::run does, whose exit status it returns; 1 if the address cannot be found.
/// Where a BEAM runs already, the command gets that one's name and no C-node. Call it before there are
/// threads.
[[nodiscard]] int run_with_cnode(const Invocation& invocation, const config::Environment& environment);

}  // namespace rancher_cnode::cli
