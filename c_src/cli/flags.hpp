// The syntax of the command line: splits arguments into a command, flags and their values. Used by
// command_line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "rancher_cnode/config/raw_config.hpp"

namespace rancher_cnode::cli {

/// The command line. The values of settings are not checked.
struct Flags {
  const Command* command = nullptr;  ///< never nullptr; run if none was given
  config::RawConfig settings;
  Options general;                   ///< of general_flags()
  Options options;                   ///< of the command, with its defaults
  std::vector<std::string> program;  ///< behind --, or the word that the command takes
  std::vector<std::string>
      problems;  ///< one line each: unknown, without its value, or a value that breaks the rule
};

[[nodiscard]] Flags parse_flags(const std::vector<std::string>& arguments);

}  // namespace rancher_cnode::cli
