// The completions of shells, made from the tables of commands and settings. Used by commands.
#pragma once

#include <string>
#include <string_view>

namespace rancher_cnode::cli {

/// A script for bash, zsh or fish.
[[nodiscard]] std::string completions(std::string_view shell);

}  // namespace rancher_cnode::cli
