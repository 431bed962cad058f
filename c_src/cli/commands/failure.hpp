// What a command reports beside its answer, on standard error: one line, the reason alone, or with
// --log-format json an event that has it as its message. Used by the commands.
#pragma once

#include <string>

#include "rancher_cnode/config/config.hpp"

namespace rancher_cnode::cli {

/// Why it failed.
void print_failure(const Config& config, const std::string& reason);

/// What it waits for, or that this has come.
void print_notice(const Config& config, const std::string& text);

}  // namespace rancher_cnode::cli
