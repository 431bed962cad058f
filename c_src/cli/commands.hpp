// The table of commands: source of parsing, help and the documentation of commands, their flags and exit
// statuses. A command is one row in commands.cpp and the function that runs it. Used by main, flags,
// command_line, texts and the tests of docs/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.hpp"
#include "rancher_cnode/config/validation.hpp"

namespace rancher_cnode::cli {

/// A flag of a command, or one that is neither a setting nor of a command.
struct Flag {
  std::string_view name;      ///< --timeout
  std::string_view argument;  ///< DURATION and N are checked against the range, a|b|c against the words,
                              ///< others not at all.
                              ///< "" = none: the flag is given or not. [DURATION] may be left out
  std::string_view fallback;  ///< the default as text; "" = none. Of [DURATION] the value of the flag alone
  std::string_view help;      ///< one or two sentences, without range and default
  std::uint64_t least = 0;    ///< DURATION is in milliseconds
  std::uint64_t most = 0;
};

struct ExitStatus {
  std::string_view status;
  std::string_view meaning;  ///< a sentence
};

struct Command {
  std::string_view name;
  std::string_view operands;     ///< behind the flags in the usage, as "-- COMMAND", or one of bash|zsh; "" =
                                 ///< none are allowed
  std::string_view summary;      ///< one sentence
  std::string_view description;  ///< paragraphs of one line each; two blanks begin an indented one
  std::vector<Flag> flags;
  std::vector<ExitStatus> statuses;  ///< without 2, which all have
  config::Purpose purpose;
  int (*run)(const Invocation& invocation,
             const config::Environment& environment);  ///< returns the exit status
};

/// In the order of help.
[[nodiscard]] const std::vector<Command>& commands();

/// nullptr if there is no command of this name.
[[nodiscard]] const Command* find_command(std::string_view name);

/// --config, --print-config, --version and --help.
[[nodiscard]] const std::vector<Flag>& general_flags();

/// "250ms to 1h", "0 to 100000"; "" if the flag has no range.
[[nodiscard]] std::string range_of(const Flag& flag);

/// What text breaks, as "must be on or off"; "" if it is a value of the flag.
[[nodiscard]] std::string broken_rule(const Flag& flag, std::string_view text);

}  // namespace rancher_cnode::cli
