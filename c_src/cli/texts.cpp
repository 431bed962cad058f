#include "cli/texts.hpp"

#include <algorithm>

#include "rancher_cnode/config/settings.hpp"

namespace rancher_cnode::cli {
using namespace config;

namespace {

constexpr std::size_t width = 100;
constexpr std::size_t help_column = 33;

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

std::string quoted(const std::string& text) {
  const bool number = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return number ? text : '"' + text + '"';
}

std::string file_value(const RawValue& value) {
  if (value.texts.size() == 1) {
    return quoted(value.texts.front());
  }
  std::string list = "[";
  for (const auto& text : value.texts) {
    list += (list.size() == 1 ? "" : ", ") + quoted(text);
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

std::string cookie_line(const Validated& validated) {
  return validated.cookie_source.empty() ? "# cookie: not needed by this command\n"
                                         : "# cookie: (redacted), from " + validated.cookie_source + "\n";
}

}  // namespace

std::vector<SettingInEffect> settings_in_effect(const RawConfig& raw, const Validated& validated) {
  std::vector<SettingInEffect> all;
  for (const Setting& setting : settings()) {
    if (const auto value = raw.find(setting.name); value != raw.end()) {
      all.push_back(
          {std::string(setting.name), file_value(value->second), origin_of(value->second, setting.name)});
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
      text += std::string(setting.name) + " = " + file_value(value->second) + "  # " +
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

std::string help_text() {
  std::string text =
      "Usage: rancher_cnode exec [settings] -- COMMAND [ARGUMENT...]\n"
      "       rancher_cnode [run] [settings]\n"
      "       rancher_cnode env [--timeout MS] [settings]\n"
      "       rancher_cnode ip [--timeout MS] [settings]\n"
      "       rancher_cnode wait [--timeout MS] [settings]\n"
      "       rancher_cnode status [--format FORMAT] [--timeout MS] [settings]\n"
      "       rancher_cnode check [--expect N] [--min N] [--max-metadata-age MS] [settings]\n"
      "\n"
      "A hidden Erlang node that connects the BEAM nodes of a Rancher service.\n"
      "\n"
      "Commands:\n";
  text += help_line("exec", "Run the command of the container, and this node beside it.");
  text += help_line("run", "Run the node until it is stopped. The default.");
  text += help_line("env", "Print the variables by which a release becomes a node, for its rel/env.sh.eex.");
  text += help_line("ip", "Print the address of this container by the metadata service.");
  text +=
      help_line("wait", "Block until the initial sync is done: every peer is connected or was tried once.");
  text += help_line("status",
                    "Print what the node of this container reports: the cluster, and why peers are missing.");
  text +=
      help_line("check", "Health check: print one line about what is connected now, and exit with 0 or 1.");
  std::string_view group;
  for (const Setting& setting : settings()) {
    if (setting.group != group) {
      text += "\n" + std::string(setting.group) + ":\n";
    }
    group = setting.group;
    text += setting_help(setting);
  }
  text += "\nGeneral:\n";
  text += help_line(
      "--config FILE",
      "Configuration file with KEY = VALUE lines (TOML or INI without sections). Keys are the flags "
      "without dashes.");
  text += help_line("--print-config",
                    "Print the settings in effect as a configuration file, without the cookie.");
  text += help_line("--version", "Print the version.");
  text += help_line("-h, --help", "Print this help.");
  text +=
      "\n"
      "Every setting is also an environment variable: --polling-interval is\n"
      "$RANCHER_CNODE_POLLING_INTERVAL.\n"
      "Precedence, highest first: flag, environment variable, configuration file, default.\n"
      "Empty variables count as unset. MS: milliseconds. epmd port: $ERL_EPMD_PORT, default 4369.\n"
      "\n"
      "Exit status:\n";
  text += help_line("0", "Stopped on request, or the command succeeded.");
  text += help_line(
      "1",
      "ip, env, wait or exec timed out, status got no answer, check failed, or a system resource is "
      "exhausted.");
  text += help_line("2", "A bad setting.");
  text += help_line("3", "status: a peer that may be dialled is not connected.");
  text += help_line("4", "status: no BEAM is connected, or no metadata was read yet.");
  text += help_line("other", "exec: the status of the command; 128 + n if signal n ended it.");
  return text;
}

std::string ip_help_text() {
  std::string text =
      "Usage: rancher_cnode ip [--timeout MS] [settings]\n"
      "\n"
      "Prints the address of this container by the metadata service; waits until it is known.\n"
      "Asks the metadata service at --metadata-url; --ip and $CONTAINER_IP are not used.\n"
      "\n";
  text += help_line("--timeout MS", "Timeout. 0 to 86400000, 0 = no limit. [60000]");
  text +=
      "\nThe settings are those of `rancher_cnode --help`; --node-basename and the cookie are not needed.\n";
  return text;
}

std::string exec_help_text() {
  std::string text =
      "Usage: rancher_cnode exec [settings] -- COMMAND [ARGUMENT...]\n"
      "\n"
      "The entry point of a container. Waits until the address of this container is known, starts the\n"
      "command with CONTAINER_IP, REPLACE_OS_VARS, RELX_REPLACE_OS_VARS and, for a Mix release,\n"
      "RELEASE_DISTRIBUTION and RELEASE_NODE, unless they are set, and runs the C-node beside it. Forwards\n"
      "signals, reaps orphans, starts the C-node again if it dies, and ends with the exit status of the\n"
      "command (128 + n if signal n ended it). If a BEAM runs in this container already, the command gets\n"
      "its name, and no C-node is started.\n"
      "\n";
  text += help_line("--timeout MS",
                    "Timeout for the address, after which the only address of the container is used, or the "
                    "command is not started. 0 to 86400000, 0 = no limit. [30000]");
  text += "\nThe settings are those of `rancher_cnode --help`.\n";
  return text;
}

std::string env_help_text() {
  std::string text =
      "Usage: rancher_cnode env [--timeout MS] [settings]\n"
      "\n"
      "Prints shell assignments of CONTAINER_IP, RELEASE_DISTRIBUTION and RELEASE_NODE, as far as they are\n"
      "not set, for the line\n"
      "  eval \"$(rancher_cnode env)\"\n"
      "in rel/env.sh.eex of a Mix release. They are those of the BEAM that runs in this container; without\n"
      "one, the address is waited for. The name is --node-basename or $RELEASE_NAME.\n"
      "\n";
  text +=
      help_line("--timeout MS",
                "Timeout for the address. 0 to 86400000, 0 = no limit. Default: 30000 if $RELEASE_COMMAND "
                "starts a node, else 2000.");
  text += "\nThe settings are those of `rancher_cnode --help`; the cookie is not needed.\n";
  return text;
}

std::string wait_help_text() {
  std::string text =
      "Usage: rancher_cnode wait [--timeout MS] [settings]\n"
      "\n"
      "Blocks until the initial sync of this container's rancher_cnode is done: the target is connected,\n"
      "the metadata was read, and every peer is connected or was tried once.\n"
      "Exit status: 0 when done, 1 on timeout, with the reason on standard error.\n"
      "\n";
  text += help_line("--timeout MS", "Timeout. 0 to 86400000, 0 = no limit. [60000]");
  text +=
      "\nThe settings are those of `rancher_cnode --help`; --basename, --ip and the cookie must be those of\n"
      "the running node; --node-basename is not needed.\n";
  return text;
}

std::string status_help_text() {
  std::string text =
      "Usage: rancher_cnode status [--format FORMAT] [--timeout MS] [settings]\n"
      "\n"
      "Prints what the rancher_cnode of this container reports now: whether the cluster is whole, and for\n"
      "each peer its state, why it is not connected, and what happens next.\n"
      "Exit status: 0 whole; 1 no answer; 3 incomplete: a peer that may be dialled is not connected;\n"
      "4 not driving: no BEAM is connected, or no authoritative answer of the metadata yet.\n"
      "\n";
  text += help_line("--format FORMAT", "table, json, prometheus or erlang. Fields: docs/status.md. [table]");
  text += help_line("--timeout MS", "Timeout. 0 to 86400000, 0 = no limit. [1000]");
  text +=
      "\nThe table is coloured on a terminal, unless $NO_COLOR is set, and cut to $COLUMNS or the terminal.\n"
      "No setting is needed beside a BEAM; --basename must be that of the running node.\n";
  return text;
}

std::string check_help_text() {
  std::string text =
      "Usage: rancher_cnode check [--expect N] [--min N] [--max-metadata-age MS] [--timeout MS] [settings]\n"
      "\n"
      "Health check for Docker, Rancher and scripts. Prints one line about what is connected now.\n"
      "Exit status: 0 if a BEAM is connected, the metadata was read, and the demands are met; else 1.\n"
      "Without --expect and --min, every peer that may be dialled must be connected.\n"
      "\n";
  text += help_line("--expect N", "Exact number of connected peers, and no other missing. 0 to 100000.");
  text += help_line("--min N", "Minimum number of connected peers; others may be missing. 0 to 100000.");
  text += help_line("--max-metadata-age MS",
                    "Maximum age of the last authoritative answer of the metadata. 0 to 86400000.");
  text += help_line("--timeout MS", "Timeout. 0 to 86400000, 0 = no limit. [1000]");
  text += "\nNo setting is needed beside a BEAM; --basename must be that of the running node.\n";
  return text;
}

}  // namespace rancher_cnode::cli
