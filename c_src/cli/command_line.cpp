#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <utility>

#include "cli/texts.hpp"
#include "cli/vm_args.hpp"
#include "rancher_cnode/config/raw_config.hpp"
#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "rancher_cnode/config/validation.hpp"

namespace rancher_cnode::cli {
using namespace config;

namespace {

constexpr int bad_setting_status = 2;
constexpr std::string_view default_timeout_ms = "60000";
constexpr std::uint64_t one_day_ms = 86'400'000;

/// The command line, unchecked.
struct Flags {
  RawConfig settings;
  std::optional<std::string> config_file;
  std::optional<std::string> timeout;
  Command command = Command::run;
  bool help = false;
  bool version = false;
  bool print_config = false;
};

tl::unexpected<Error> bad(std::string message) { return failure(ErrorCode::bad_setting, std::move(message)); }

bool takes_value(std::string_view argument) {
  if (argument == "--config" || argument == "--timeout") {
    return true;
  }
  const Setting* const setting = argument.starts_with("--") ? find_setting(argument.substr(2)) : nullptr;
  return setting != nullptr && setting->shape != Shape::toggle;
}

/// `--ip=`, or `--ip` before another flag: CLI11 would take that flag as the value, as when a script passes an
/// empty variable.
const std::string* flag_without_value(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const bool empty = argument.starts_with("--") && argument.find('=') == argument.size() - 1;
    if (empty) {
      return &argument;
    }
    if (!takes_value(argument) || i + 1 == arguments.size()) {
      continue;
    }
    if (arguments[i + 1].starts_with("--")) {
      return &argument;
    }
  }
  return nullptr;
}

/// Names the first unknown argument, never what follows it: that may be a secret.
tl::unexpected<Error> unknown_argument(const std::string& argument) {
  const std::string name = argument.substr(0, argument.find('='));
  if (name == "--cookie" || name == "--setcookie" || name == "-setcookie") {
    return bad("there is no flag " + name +
               ", because arguments are visible in process lists; use --cookie-file, $RANCHER_CNODE_COOKIE, "
               "$RELEASE_COOKIE "
               "or ~/.erlang.cookie");
  }
  return bad((name.starts_with('-') ? "unknown flag " : "unknown command ") + shown(name) + "; see --help");
}

std::optional<std::string> last_of(const CLI::Option& option) {
  return option.count() == 0 ? std::nullopt : std::optional(option.results().back());
}

Expected<Flags> parse_flags(const std::vector<std::string>& arguments) {
  if (const std::string* flag = flag_without_value(arguments)) {
    return bad(shown(*flag) + " has no value");
  }
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.require_subcommand(0, 1);
  const auto valued = [](CLI::App& to, const std::string& name) {
    return to.add_option(name)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
  };
  std::vector<std::pair<const Setting*, const CLI::Option*>> options;
  for (const Setting& setting : settings()) {
    const std::string flag = flag_of(setting.name);
    options.emplace_back(&setting, setting.shape == Shape::toggle ? app.add_flag(flag) : valued(app, flag));
  }
  const auto* config = valued(app, "--config");
  const auto* help = app.add_flag("-h,--help");
  const auto* version = app.add_flag("--version");
  const auto* print_config = app.add_flag("--print-config");
  const auto command = [&app](const std::string& name) { return app.add_subcommand(name)->fallthrough(); };
  command("run");
  auto* const ip = command("ip");
  const auto* ip_timeout = valued(*ip, "--timeout");
  auto* const wait = command("wait");
  const auto* wait_timeout = valued(*wait, "--timeout");

  try {
    // CLI11 takes the arguments in reverse order.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ArgumentMismatch& error) {
    // The only possible mismatch: the value of the last flag is missing. The message begins with the flag.
    const std::string text = error.what();
    return bad(shown(text.substr(0, text.find(':'))) + " has no value");
  } catch (const CLI::ParseError& error) {
    return bad(std::string(error.what()) + "; see --help");
  }
  Flags flags;
  flags.help = help->count() > 0;
  flags.version = version->count() > 0;
  flags.print_config = print_config->count() > 0;
  if (ip->parsed()) {
    flags.command = Command::ip;
  }
  if (wait->parsed()) {
    flags.command = Command::wait;
  }
  flags.config_file = last_of(*config);
  flags.timeout = last_of(ip->parsed() ? *ip_timeout : *wait_timeout);
  if (const auto extra = app.remaining(true); !extra.empty() && !flags.help && !flags.version) {
    return unknown_argument(extra.front());
  }
  for (const auto& [setting, option] : options) {
    if (option->count() == 0) {
      continue;
    }
    const auto& results = option->results();
    const auto texts = setting->shape == Shape::list ? results : std::vector{results.back()};
    flags.settings.emplace(setting->name, RawValue{texts, Origin::flag, ""});
  }
  return flags;
}

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

Expected<Milliseconds> timeout_of(const Flags& flags) {
  const std::string text = flags.timeout.value_or(std::string(default_timeout_ms));
  const auto number = number_between(text, 0, one_day_ms);
  if (!number) {
    return bad("--timeout " + shown(text) + " must be a whole number from 0 to 86400000");
  }
  return Milliseconds(*number);
}

Invocation printed(std::string output) {
  Invocation invocation;
  invocation.output = std::move(output);
  return invocation;
}

Purpose purpose_of(Command command) {
  switch (command) {
    case Command::ip:
      return Purpose::ask_address;
    case Command::wait:
      return Purpose::ask_cnode;
    case Command::run:
    case Command::exit:
      break;
  }
  return Purpose::run;
}

std::string help_of(Command command) {
  switch (command) {
    case Command::ip:
      return ip_help_text();
    case Command::wait:
      return wait_help_text();
    case Command::run:
    case Command::exit:
      break;
  }
  return help_text();
}

/// Takes no settings, and its FLAG is not one of ours.
Expected<Invocation> vm_arg_printed(const std::vector<std::string>& arguments,
                                    const Environment& environment) {
  if (arguments.size() != 3) {
    return bad("vm-arg takes FILE and FLAG; see --help");
  }
  const auto value = vm_arg_of_file(arguments[1], arguments[2], environment);
  if (!value) {
    return tl::unexpected<Error>(value.error());
  }
  Invocation invocation = printed(*value ? **value + '\n' : "");
  invocation.status = *value ? 0 : 1;
  return invocation;
}

Expected<Invocation> invoke(const std::vector<std::string>& arguments, const Environment& environment) {
  if (!arguments.empty() && arguments.front() == "vm-arg") {
    return vm_arg_printed(arguments, environment);
  }
  auto flags = parse_flags(arguments);
  if (!flags) {
    return tl::unexpected<Error>(flags.error());
  }
  if (flags->help) {
    return printed(help_of(flags->command));
  }
  if (flags->version) {
    return printed("rancher_cnode " + std::string(program_version()) + "\n");
  }

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
  if (flags->command != Command::run) {
    const auto timeout = timeout_of(*flags);
    if (!timeout) {
      return tl::unexpected<Error>(timeout.error());
    }
    invocation.timeout = *timeout;
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
