// The syntax of the command line: splits arguments into a command, flags and their values. Used by command_line. CLI11 is
// used here only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "rancher_cnode/config/raw_config.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::cli {

/// The command line, unchecked.
struct Flags {
  config::RawConfig settings;
  std::optional<std::string> config_file;
  std::map<std::string, std::string> of_command;  ///< the flags of the command and their values
  Command command = Command::run;
  bool help = false;
  bool version = false;
  bool print_config = false;
};

/// ErrorCode::bad_setting, in one line, for an unknown flag or command and for a flag without its value. The values themselves
/// are not checked, and not repeated.
[[nodiscard]] Expected<Flags> parse_flags(const std::vector<std::string>& arguments);

[[nodiscard]] tl::unexpected<Error> bad(std::string message);

/// Names the argument, never what follows it: that may be a secret.
[[nodiscard]] tl::unexpected<Error> unknown_argument(const std::string& argument);

}  // namespace rancher_cnode::cli
