#include "cli/texts.hpp"

#include <algorithm>
#include <sstream>

#include "cli/commands.hpp"
#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/config/settings.hpp"

namespace rancher_cnode::cli {
using namespace config;

namespace {

constexpr std::size_t width = 100;
constexpr std::size_t help_column = 33;
constexpr std::size_t usage_column = 7;  // behind "Usage: "

std::string origin_of(const RawValue& value, std::string_view name) {
  switch (value.origin) {
    case Origin::flag:
      return flag_of(name);
    case Origin::environment:
    case Origin::file:
      return value.place;
    case Origin::fallback:
      return "default";
  }
  return "default";
}

std::string toml_value(const std::string& text) {
  const bool number = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return number ? text : '"' + text + '"';
}

/// Of a valid setting.
std::string file_value(const Setting& setting, const RawValue& value) {
  if (setting.argument == "DURATION") {
    const auto duration = duration_between(value.texts.front(), Milliseconds::zero(), Milliseconds::max());
    return toml_value(duration_text(*duration));
  }
  if (value.texts.size() == 1) {
    return toml_value(value.texts.front());
  }
  std::string list = "[";
  for (const auto& text : value.texts) {
    list += (list.size() == 1 ? "" : ", ") + toml_value(text);
  }
  return list + "]";
}

/// The text from column `from`, wrapped at `width`.
std::string wrapped(std::string_view text, std::size_t from) {
  std::string out;
  std::size_t column = from;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (column != from && column + 1 + word.size() > width) {
      out += '\n' + std::string(from, ' ');
      column = from;
    }
    if (column != from) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    at = end + 1;
  }
  return out;
}

std::string help_line(const std::string& left, std::string_view right) {
  std::string line = "  " + left;
  if (line.size() + 2 > help_column) {
    line += '\n' + std::string(help_column, ' ');
  } else {
    line.append(help_column - line.size(), ' ');
  }
  return line + wrapped(right, help_column) + '\n';
}

std::string setting_help(const Setting& setting) {
  std::string left = flag_of(setting.name);
  // The name of a toggle alone turns it on; only =off needs a value.
  if (setting.shape != Shape::toggle) {
    left += " " + std::string(setting.argument);
  }
  std::string right(setting.help);
  if (setting.shape == Shape::list) {
    right += " May be repeated.";
  }
  if (!setting.fallback.empty() && setting.shape != Shape::toggle) {
    std::string fallback(setting.fallback);
    std::ranges::replace(fallback, ',', ' ');
    right += " [" + fallback + "]";
  }
  return help_line(left, right);
}

std::string left_of(const Flag& flag) {
  return std::string(flag.name) + (flag.argument.empty() ? "" : " " + std::string(flag.argument));
}

std::string flag_help(const Flag& flag) {
  const std::string fallback = flag.fallback.empty() ? "" : " [" + std::string(flag.fallback) + "]";
  return help_line(left_of(flag), description_of(flag) + fallback);
}

std::string cookie_line(const Validated& validated) {
  return validated.cookie_source.empty() ? "# cookie: not needed by this command\n"
                                         : "# cookie: (redacted), from " + validated.cookie_source + "\n";
}

}  // namespace

std::vector<SettingInEffect> settings_in_effect(const RawConfig& raw, const Validated& validated) {
  std::vector<SettingInEffect> all;
  for (const Setting& setting : settings()) {
    if (const auto value = raw.find(setting.name); value != raw.end()) {
      all.push_back({std::string(setting.name), file_value(setting, value->second),
                     origin_of(value->second, setting.name)});
    }
  }
  if (!validated.cookie_source.empty()) {
    all.push_back({"cookie", "(redacted)", validated.cookie_source});
  }
  return all;
}

std::string config_text(const RawConfig& raw, const Validated& validated) {
  std::string text =
      "# The settings in effect, as a file for --config. Each comment gives the source of the value.\n";
  std::string_view group;
  for (const Setting& setting : settings()) {
    if (setting.group != group) {
      text += "\n# " + std::string(setting.group) + "\n";
    }
    group = setting.group;
    if (const auto value = raw.find(setting.name); value != raw.end()) {
      const std::string from = origin_of(value->second, setting.name);
      text += std::string(setting.name) + " = " + file_value(setting, value->second) + "  # " +
              (value->second.origin == Origin::fallback ? "" : "from ") + from + "\n";
    } else {
      text += "# " + std::string(setting.name) + " is not set\n";
    }
    if (setting.name == "cookie-file") {
      text += cookie_line(validated);
    }
  }
  text += "# epmd port: " + std::to_string(validated.config.epmd_port) + " ($ERL_EPMD_PORT, default 4369)\n";
  return text;
}

std::string usage_of(const Command& command) {
  std::string usage = "rancher_cnode " + std::string(command.name == "run" ? "[run]" : command.name);
  for (const Flag& flag : command.flags) {
    usage += " [" + left_of(flag) + "]";
  }
  usage += " [settings]";
  return command.operands.empty() ? usage : usage + " " + std::string(command.operands);
}

std::string description_of(const Flag& flag) {
  std::string text(flag.help);
  if (const auto range = range_of(flag); !range.empty()) {
    text += " " + range + ".";
  }
  return text;
}

std::string help_text() {
  std::string text =
      "Usage: rancher_cnode [run] [settings]\n"
      "       rancher_cnode exec [settings] -- COMMAND [ARGUMENT...]\n"
      "       rancher_cnode COMMAND [flags] [settings]\n"
      "\n"
      "A hidden Erlang node that connects the BEAM nodes of a Rancher service.\n"
      "\n"
      "Commands; for their flags: rancher_cnode COMMAND --help\n";
  for (const Command& command : commands()) {
    text += help_line(std::string(command.name), command.summary);
  }
  std::string_view group;
  for (const Setting& setting : settings()) {
    if (setting.group != group) {
      text += "\n" + std::string(setting.group) + ":\n";
    }
    group = setting.group;
    text += setting_help(setting);
  }
  text += "\nGeneral:\n";
  for (const Flag& flag : general_flags()) {
    text += flag_help(flag);
  }
  text +=
      "\n"
      "Every setting is also an environment variable: --polling-interval is\n"
      "$RANCHER_CNODE_POLLING_INTERVAL.\n"
      "Precedence, highest first: flag, environment variable, configuration file, default.\n"
      "Empty variables count as unset. epmd port: $ERL_EPMD_PORT, default 4369.\n"
      "DURATION: 500ms, 10s, 2m, 8h, 1d; a plain number is in milliseconds.\n"
      "\n"
      "Exit status:\n";
  text += help_line("0", "Stopped on request, or the command succeeded.");
  text += help_line("1", "The command failed or timed out, or a system resource is exhausted.");
  text += help_line("2", "A bad setting.");
  text += help_line("other", "See COMMAND --help.");
  return text;
}

std::string help_text(const Command& command) {
  std::string text = "Usage: " + wrapped(usage_of(command), usage_column) + "\n\n";
  std::istringstream paragraphs{std::string(command.description)};
  for (std::string line; std::getline(paragraphs, line);) {
    text += line.starts_with("  ") ? line + "\n" : wrapped(line, 0) + "\n";
  }
  text += "\nFlags:\n";
  for (const Flag& flag : command.flags) {
    text += flag_help(flag);
  }
  text += "\nThe settings are those of rancher_cnode --help.\n\nExit status:\n";
  for (const auto& [status, meaning] : command.statuses) {
    text += help_line(std::string(status), meaning);
  }
  return text + help_line("2", "A bad setting.");
}

}  // namespace rancher_cnode::cli
