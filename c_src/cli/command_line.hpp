// Parses argc and argv into an Invocation. Used by main only.
//
//   auto invocation = cli::parse_command_line(argc, argv, config::Environment::of_process());
//   switch (invocation.command) { case Command::exit: ...; case Command::ip: ...; case Command::run: ...; }
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands/status.hpp"
#include "cli/texts.hpp"
#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/status/verdict.hpp"

namespace rancher_cnode::cli {

enum class Command {
  run,     ///< run the C-node (the default command)
  ip,      ///< print the address of this container by the metadata
  wait,    ///< block until the initial sync of the C-node of this container is done
  status,  ///< print what the C-node of this container reports
  check,   ///< print one line, and exit with 0 or 1, about what is connected now
  exec,    ///< run a command with a C-node beside it
  env,     ///< print the variables by which a release in this container becomes a node
  exit,    ///< print `output` and exit with `status`
};

struct Invocation {
  Command command = Command::exit;
  Config config;
  std::vector<SettingInEffect> settings;  ///< for the log
  /// For all commands but run; 0 = no limit. Nothing if it was not given to env, whose default depends on the release.
  std::optional<Milliseconds> timeout;
  StatusFormat format = StatusFormat::table;  ///< for status
  status::Demands demands;                    ///< for check
  std::vector<std::string> program;           ///< for exec: the command and its arguments
  std::vector<std::string> cnode;     ///< for exec: the arguments that run a C-node with the same flags
  std::vector<std::string> warnings;  ///< sentences to log as warnings
  std::string output;                 ///< for exit: standard output if status is 0, else standard error
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
