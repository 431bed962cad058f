// Parses argc and argv into an Invocation. Used by main only.
//
//   auto invocation = cli::parse_command_line(argc, argv, config::Environment::of_process());
//   if (const auto* command = cli::find_command(invocation.command)) { return command->run(invocation,
//   environment); }
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/texts.hpp"
#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {

/// The flags of a command and their values, checked by its row, with its defaults. Each returns nothing for a
/// flag that was not given and has no default.
struct Options {
  std::map<std::string, std::string, std::less<>> texts;  ///< by --flag

  [[nodiscard]] std::optional<std::string> text(std::string_view flag) const;
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view flag) const;
  [[nodiscard]] std::optional<Milliseconds> duration(std::string_view flag) const;
  [[nodiscard]] bool has(std::string_view flag) const { return texts.contains(flag); }
};

struct Invocation {
  std::string_view command;  ///< a name of commands(); "" = print `output` and exit with `status`
  Config config;
  std::vector<SettingInEffect> settings;  ///< for the log
  Options options;
  std::vector<std::string> program;   ///< for exec: the command and its arguments
  std::vector<std::string> cnode;     ///< for exec: the arguments that run a C-node with the same flags
  std::vector<std::string> warnings;  ///< sentences to log as warnings
  std::string output;  ///< without a command: standard output if status is 0, else standard error
  int status = 0;      ///< without a command: 0 (help, version, ...) or 2 (bad settings)
};

/// Does not throw, print or exit. Reads the --config file and the cookie's file.
/// Bad flags and settings are status 2, and `output` has a line for each: in JSON with --log-format json, as
/// far as that can be read.
[[nodiscard]] Invocation parse_command_line(int argc, const char* const* argv,
                                            const config::Environment& environment);

/// Logs that a C-node starts, the warnings, and as debug the settings in effect.
void log_invocation(const Invocation& invocation, const Log& log);

/// The version of this program, as --version shows it: "0.2.0", or "0.2.0-5-gabc1234" between two releases.
/// Made by cmake/version.cmake.
[[nodiscard]] std::string_view program_version();

/// How this file was made, in one word: "release-x86_64-gcc-12.2.0", "release-aarch64-gcc-12.2.0-portable".
[[nodiscard]] std::string_view program_build();

}  // namespace rancher_cnode::cli
