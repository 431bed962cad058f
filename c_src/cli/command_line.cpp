#include "cli/command_line.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "cli/flags.hpp"
#include "cli/texts.hpp"
#include "rancher_cnode/config/raw_config.hpp"
#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "rancher_cnode/config/validation.hpp"

namespace rancher_cnode::cli {
using namespace config;

namespace {

constexpr int bad_setting_status = 2;
constexpr Milliseconds default_timeout{60'000};
/// A release without its address is of little use, but better than none.
constexpr Milliseconds default_exec_timeout{30'000};
/// Somebody, or Docker, waits for the answer.
constexpr Milliseconds default_status_timeout{1'000};
constexpr std::uint64_t one_day_ms = 86'400'000;
constexpr std::uint64_t most_peers = 100'000;
constexpr std::string_view end_of_flags = "--";

Expected<RawConfig> gather(Flags& flags, const Environment& environment) {
  RawConfig file;
  const auto path = flags.config_file ? flags.config_file : environment.get("RANCHER_CNODE_CONFIG");
  if (path) {
    auto read = read_config_file(*path);
    if (!read) {
      return read;
    }
    file = *std::move(read);
  }
  return layered(std::move(flags.settings), from_environment(environment), std::move(file), environment);
}

std::optional<Milliseconds> default_timeout_of(Command command) {
  switch (command) {
    case Command::ip:
    case Command::wait:
      return default_timeout;
    case Command::status:
    case Command::check:
      return default_status_timeout;
    case Command::exec:
      return default_exec_timeout;
    case Command::env:
    case Command::run:
    case Command::exit:
      break;
  }
  return std::nullopt;
}

/// Nothing if the flag is not given.
Expected<std::optional<std::uint64_t>> number_of(const Flags& flags, const std::string& flag,
                                                 std::uint64_t most) {
  const auto given = flags.of_command.find(flag);
  if (given == flags.of_command.end()) {
    return std::optional<std::uint64_t>();
  }
  const auto number = number_between(given->second, 0, most);
  if (!number) {
    return bad(flag + " " + shown(given->second) + " must be a whole number from 0 to " +
               std::to_string(most));
  }
  return std::optional<std::uint64_t>(*number);
}

std::optional<Milliseconds> milliseconds(const std::optional<std::uint64_t>& number) {
  return number ? std::optional(Milliseconds(*number)) : std::nullopt;
}

Expected<StatusFormat> format_of(const Flags& flags) {
  static constexpr std::array formats{
      std::pair{"table", StatusFormat::table}, std::pair{"json", StatusFormat::json},
      std::pair{"prometheus", StatusFormat::prometheus}, std::pair{"erlang", StatusFormat::erlang}};
  const auto given = flags.of_command.find("--format");
  if (given == flags.of_command.end()) {
    return StatusFormat::table;
  }
  for (const auto& [name, format] : formats) {
    if (given->second == name) {
      return format;
    }
  }
  return bad("--format " + shown(given->second) + " must be table, json, prometheus or erlang");
}

/// The flags of the command.
Expected<void> add_to(Invocation& invocation, const Flags& flags) {
  const auto timeout = number_of(flags, "--timeout", one_day_ms);
  const auto expect = number_of(flags, "--expect", most_peers);
  const auto min = number_of(flags, "--min", most_peers);
  const auto age = number_of(flags, "--max-metadata-age", one_day_ms);
  for (const auto* number : {&timeout, &expect, &min, &age}) {
    if (!*number) {
      return tl::unexpected<Error>(number->error());
    }
  }
  const auto format = format_of(flags);
  if (!format) {
    return tl::unexpected<Error>(format.error());
  }
  invocation.timeout = *timeout ? milliseconds(*timeout) : default_timeout_of(flags.command);
  invocation.format = *format;
  invocation.demands = {.expect = *expect, .min = *min, .max_metadata_age = milliseconds(*age)};
  return {};
}

/// The arguments that give another process of this program the same flags.
std::vector<std::string> arguments_of_cnode(const Flags& flags) {
  std::vector<std::string> arguments{"rancher_cnode", "run"};
  if (flags.config_file) {
    arguments.push_back("--config=" + *flags.config_file);
  }
  for (const auto& [name, value] : flags.settings) {
    for (const std::string& text : value.texts) {
      arguments.push_back(flag_of(name) + "=" + text);
    }
  }
  return arguments;
}

Invocation printed(std::string output) {
  Invocation invocation;
  invocation.output = std::move(output);
  return invocation;
}

Purpose purpose_of(Command command) {
  return command == Command::ip ? Purpose::ask_address : Purpose::connect;
}

std::string help_of(Command command) {
  switch (command) {
    case Command::ip:
      return ip_help_text();
    case Command::wait:
      return wait_help_text();
    case Command::status:
      return status_help_text();
    case Command::check:
      return check_help_text();
    case Command::exec:
      return exec_help_text();
    case Command::env:
      return env_help_text();
    case Command::run:
    case Command::exit:
      break;
  }
  return help_text();
}

Expected<Invocation> invoke(const std::vector<std::string>& arguments, const Environment& environment) {
  const auto separator = std::ranges::find(arguments, end_of_flags);
  auto flags = parse_flags({arguments.begin(), separator});
  if (!flags) {
    return tl::unexpected<Error>(flags.error());
  }
  if (flags->help) {
    return printed(help_of(flags->command));
  }
  if (flags->version) {
    return printed("rancher_cnode " + std::string(program_version()) + "\n");
  }

  const bool has_program = separator != arguments.end() && separator + 1 != arguments.end();
  if (flags->command == Command::exec && !has_program) {
    return bad("exec needs a command: rancher_cnode exec [settings] -- COMMAND [ARGUMENT...]");
  }
  if (flags->command != Command::exec && separator != arguments.end()) {
    return unknown_argument(*separator);
  }

  std::vector<std::string> cnode = arguments_of_cnode(*flags);
  const auto raw = gather(*flags, environment);
  if (!raw) {
    return tl::unexpected<Error>(raw.error());
  }
  const auto validated = validate(*raw, environment, purpose_of(flags->command));
  if (!validated) {
    return tl::unexpected<Error>(validated.error());
  }
  auto warnings = unknown_variables(environment);
  if (flags->print_config) {
    std::string text = config_text(*raw, *validated);
    for (const std::string& warning : warnings) {
      text += "# Warning: " + warning + "\n";
    }
    return printed(std::move(text));
  }

  Invocation invocation;
  invocation.command = flags->command;
  invocation.config = validated->config;
  invocation.settings = settings_in_effect(*raw, *validated);
  invocation.warnings = std::move(warnings);
  if (const auto added = add_to(invocation, *flags); !added) {
    return tl::unexpected<Error>(added.error());
  }
  if (has_program) {
    invocation.program.assign(separator + 1, arguments.end());
    invocation.cnode = std::move(cnode);
  }
  return invocation;
}

}  // namespace

Invocation parse_command_line(int argc, const char* const* argv, const Environment& environment) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  auto invocation = invoke(arguments, environment);
  if (invocation) {
    return *std::move(invocation);
  }
  Invocation refused;
  refused.status = bad_setting_status;
  refused.output = "rancher_cnode: bad setting: " + invocation.error().message + "\n";
  return refused;
}

void log_invocation(const Invocation& invocation, const Log& log) {
  for (const std::string& warning : invocation.warnings) {
    log.warning("setting_ignored", warning);
  }
  for (const auto& [name, value, from] : invocation.settings) {
    log.debug("setting", "", {{"name", name}, {"value", value}, {"from", from}});
  }
}

}  // namespace rancher_cnode::cli
