#include "cli/command_line.hpp"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "cli/commands.hpp"
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

FileSettings config_file(const Flags& flags, const Environment& environment) {
  auto path = flags.general.text("--config");
  if (!path) {
    path = environment.get("RANCHER_CNODE_CONFIG");
  }
  return path ? read_config_file(*path) : FileSettings();
}

/// The format may be among the bad settings: then it is text.
LogFormat log_format_of(const RawConfig& raw) {
  return raw.at("log-format").texts.front() == "json" ? LogFormat::json : LogFormat::text;
}

/// Each problem as a line of standard error.
std::string lines_of(const std::vector<std::string>& problems, LogFormat format) {
  struct Lines final : Log::Sink {
    void line(std::string_view text) override { all.append(text).append("\n"); }
    std::string all;
  };
  const auto lines = std::make_shared<Lines>();
  const Log log(LogLevel::error, LogFormat::json, lines);
  for (const std::string& problem : problems) {
    if (format == LogFormat::json) {
      log.error("bad_setting", problem);
    } else {
      lines->line("rancher_cnode: bad setting: " + problem);
    }
  }
  return lines->all;
}

/// The arguments that give another process of this program the same flags.
std::vector<std::string> arguments_of_cnode(const Flags& flags) {
  std::vector<std::string> arguments{"rancher_cnode", "run"};
  if (const auto file = flags.general.text("--config")) {
    arguments.push_back("--config=" + *file);
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

Invocation invoke(const std::vector<std::string>& arguments, const Environment& environment) {
  Flags flags = parse_flags(arguments);
  if (flags.general.has("--help")) {
    return printed(flags.command->name == "run" ? help_text() : help_text(*flags.command));
  }
  if (flags.general.has("--version")) {
    return printed("rancher_cnode " + std::string(program_version()) + " " + std::string(program_build()) +
                   "\n");
  }

  std::vector<std::string> cnode = arguments_of_cnode(flags);
  FileSettings file = config_file(flags, environment);
  const RawConfig raw = layered(std::move(flags.settings), from_environment(environment),
                                std::move(file.settings), environment);
  const Validated validated = validate(raw, environment, flags.command->purpose);
  std::vector<std::string> problems = std::move(flags.problems);
  problems.insert(problems.end(), file.problems.begin(), file.problems.end());
  problems.insert(problems.end(), validated.problems.begin(), validated.problems.end());
  if (!problems.empty()) {
    Invocation refused;
    refused.status = bad_setting_status;
    refused.output = lines_of(problems, log_format_of(raw));
    return refused;
  }
  auto warnings = unknown_variables(environment);
  if (flags.general.has("--print-config")) {
    std::string text = config_text(raw, validated);
    for (const std::string& warning : warnings) {
      text += "# Warning: " + warning + "\n";
    }
    return printed(std::move(text));
  }

  Invocation invocation;
  invocation.command = flags.command->name;
  invocation.config = validated.config;
  invocation.settings = settings_in_effect(raw, validated);
  invocation.options = std::move(flags.options);
  invocation.program = std::move(flags.program);
  invocation.cnode = std::move(cnode);
  invocation.warnings = std::move(warnings);
  return invocation;
}

}  // namespace

std::optional<std::string> Options::text(std::string_view flag) const {
  const auto found = texts.find(flag);
  return found == texts.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint64_t> Options::number(std::string_view flag) const {
  const auto given = text(flag);
  return given ? number_between(*given, 0, UINT64_MAX) : std::nullopt;
}

std::optional<Milliseconds> Options::duration(std::string_view flag) const {
  const auto given = text(flag);
  return given ? duration_between(*given, Milliseconds::zero(), Milliseconds::max()) : std::nullopt;
}

Invocation parse_command_line(int argc, const char* const* argv, const Environment& environment) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  return invoke(arguments, environment);
}

namespace {

/// Names only: a value may be a secret.
std::string settings_changed(const Invocation& invocation) {
  std::string names;
  for (const auto& [name, value, from] : invocation.settings) {
    if (from != "default" && find_setting(name) != nullptr) {
      names += (names.empty() ? "" : ",") + name;
    }
  }
  return names;
}

}  // namespace

void log_invocation(const Invocation& invocation, const Log& log) {
  if (invocation.command == "run") {
    log.info("starting", "",
             {{"version", program_version()},
              {"build", program_build()},
              {"pid", ::getpid()},
              {"settings_changed", settings_changed(invocation)}});
  }
  for (const std::string& warning : invocation.warnings) {
    // "$NAME is not ..."
    log.warning("setting_ignored", warning, {{"variable", warning.substr(1, warning.find(' ') - 1)}});
  }
  for (const auto& [name, value, from] : invocation.settings) {
    log.debug("setting", "", {{"name", name}, {"value", value}, {"from", from}});
  }
}

}  // namespace rancher_cnode::cli
