// What each command does, as the table of commands calls it: settings and flags in, exit status out. Used by
// commands.
#pragma once

#include "cli/command_line.hpp"
#include "rancher_cnode/config/environment.hpp"

namespace rancher_cnode::cli::command {

[[nodiscard]] int run(const Invocation& invocation, const config::Environment& environment);
[[nodiscard]] int env(const Invocation& invocation, const config::Environment& environment);
[[nodiscard]] int ip(const Invocation& invocation, const config::Environment& environment);
[[nodiscard]] int wait(const Invocation& invocation, const config::Environment& environment);
[[nodiscard]] int status(const Invocation& invocation, const config::Environment& environment);
[[nodiscard]] int mesh(const Invocation& invocation, const config::Environment& environment);
[[nodiscard]] int check(const Invocation& invocation, const config::Environment& environment);
[[nodiscard]] int events(const Invocation& invocation, const config::Environment& environment);
[[nodiscard]] int doctor(const Invocation& invocation, const config::Environment& environment);
[[nodiscard]] int plan(const Invocation& invocation, const config::Environment& environment);
[[nodiscard]] int man(const Invocation& invocation, const config::Environment& environment);
[[nodiscard]] int print_completions(const Invocation& invocation, const config::Environment& environment);

}  // namespace rancher_cnode::cli::command
