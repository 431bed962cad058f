// Parses argc and argv into an Invocation. Used by main only.
//
//   auto invocation = cli::parse_command_line(argc, argv, config::Environment::of_process());
//   switch (invocation.command) { case Command::exit: ...; case Command::ip: ...; case Command::run: ...; }
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/texts.hpp"
#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {

enum class Command {
  run,   ///< run the C-node (the default command)
  ip,    ///< print the address of this container by the metadata
  wait,  ///< block until the initial sync of the C-node of this container is done
  exit,  ///< print `output` and exit with `status`
};

struct Invocation {
  Command command = Command::exit;
  /// Complete for run; for ip, without node_basename and cookie; for wait, without node_basename.
  Config config;
  std::vector<SettingInEffect> settings;  ///< for the log
  Milliseconds timeout{0};                ///< for ip and wait; 0 = no limit
  std::vector<std::string> warnings;      ///< sentences to log as warnings
  std::string output;                     ///< for exit: standard output if status is 0, else standard error
  int status = 0;  ///< for exit: 0 (help, version, ...), 1 (vm-arg found none) or 2 (a bad setting)
};

/// Does not throw, print or exit. Reads the --config file and the cookie's file.
/// A bad flag or setting is Command::exit with status 2 and one line in `output`.
[[nodiscard]] Invocation parse_command_line(int argc, const char* const* argv,
                                            const config::Environment& environment);

/// Logs the warnings, and as debug the settings in effect.
void log_invocation(const Invocation& invocation, const Log& log);

/// The version of this program, as --version shows it: "0.1.0", or "0.1.0-5-gabc1234" between two releases. Made by
/// cmake/version.cmake.
[[nodiscard]] std::string_view program_version();

}  // namespace rancher_cnode::cli
