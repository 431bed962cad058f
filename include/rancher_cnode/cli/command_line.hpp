// From argc and argv to what main has to do. Used by main alone.
//
//   auto invocation = cli::parse_command_line(argc, argv, cli::Environment::of_process());
//   switch (invocation.command) { case Command::exit: ...; case Command::ip: ...; case Command::run: ...; }
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/cli/environment.hpp"
#include "rancher_cnode/cli/texts.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/config.hpp"
#include "rancher_cnode/log.hpp"

namespace rancher_cnode::cli {

enum class Command {
  run,   ///< be the C-node (the default command)
  ip,    ///< print the address that metadata knows for this container
  wait,  ///< block until the C-node of this container says that its first round is done
  exit,  ///< nothing to do but to print `output` and end with `status`
};

struct Invocation {
  Command command = Command::exit;
  /// For run, whole; for ip, without node_basename and cookie; for wait, without node_basename.
  Config config;
  std::vector<SettingInEffect> settings;  ///< for the log
  Milliseconds timeout{0};                ///< for ip and wait: how long; 0 = for ever
  std::vector<std::string> warnings;      ///< sentences to log as warnings
  std::string output;                     ///< for exit: standard output if status is 0, else standard error
  int status = 0;  ///< for exit: 0 (help, version, ...), 1 (vm-arg found none) or 2 (a bad setting)
};

/// Never throws, prints nothing, ends nothing. Reads the --config file and the cookie's file.
/// A bad flag or setting is Command::exit with status 2 and one line in `output`.
[[nodiscard]] Invocation parse_command_line(int argc, const char* const* argv,
                                            const Environment& environment);

/// Logs the warnings, and as debug the settings in effect.
void tell(const Invocation& invocation, const Log& log);

/// The version of this program, as --version shows it: "0.1.0", or "0.1.0-5-gabc1234" between two releases. Made by
/// cmake/version.cmake.
[[nodiscard]] std::string_view program_version();

}  // namespace rancher_cnode::cli
