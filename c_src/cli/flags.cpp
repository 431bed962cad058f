#include "cli/flags.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>
#include <utility>

#include "rancher_cnode/config/settings.hpp"

namespace rancher_cnode::cli {
using namespace config;

namespace {

struct CommandForm {
  const char* name;
  Command command;
  std::vector<std::string> flags;  ///< of this command only, each with a value
};

const std::vector<CommandForm>& commands() {
  static const std::vector<CommandForm> all{
      {"run", Command::run, {}},
      {"ip", Command::ip, {"--timeout"}},
      {"wait", Command::wait, {"--timeout"}},
      {"exec", Command::exec, {"--timeout"}},
      {"env", Command::env, {"--timeout"}},
      {"status", Command::status, {"--format", "--timeout"}},
      {"check", Command::check, {"--expect", "--min", "--max-metadata-age", "--timeout"}}};
  return all;
}

bool takes_value(std::string_view argument) {
  const auto has_it = [&](const CommandForm& form) { return std::ranges::count(form.flags, argument) > 0; };
  if (argument == "--config" || std::ranges::any_of(commands(), has_it)) {
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

std::optional<std::string> last_of(const CLI::Option& option) {
  return option.count() == 0 ? std::nullopt : std::optional(option.results().back());
}

}  // namespace

tl::unexpected<Error> bad(std::string message) { return failure(ErrorCode::bad_setting, std::move(message)); }

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
  std::vector<std::pair<const CommandForm*, const CLI::App*>> parsers;
  std::vector<std::pair<std::string, const CLI::Option*>> of_command;
  for (const CommandForm& form : commands()) {
    auto* const parser = app.add_subcommand(form.name)->fallthrough();
    parsers.emplace_back(&form, parser);
    for (const std::string& flag : form.flags) {
      of_command.emplace_back(flag, valued(*parser, flag));
    }
  }

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
  for (const auto& [form, parser] : parsers) {
    flags.command = parser->parsed() ? form->command : flags.command;
  }
  for (const auto& [flag, option] : of_command) {
    if (const auto value = last_of(*option)) {
      flags.of_command.emplace(flag, *value);
    }
  }
  flags.config_file = last_of(*config);
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

}  // namespace rancher_cnode::cli
