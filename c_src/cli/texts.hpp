// The texts of --print-config and --help, and the settings for the log. Used by command_line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/config/raw_config.hpp"
#include "rancher_cnode/config/validation.hpp"

namespace rancher_cnode::cli {

struct Command;
struct Flag;

struct SettingInEffect {
  std::string name;   ///< without dashes
  std::string value;  ///< as in a --config file
  std::string from;   ///< its source: --ip, $CONTAINER_IP, '/etc/c.toml', default
};

/// Every setting that has a value, in the order of settings(), and the source of the cookie.
[[nodiscard]] std::vector<SettingInEffect> settings_in_effect(const config::RawConfig& raw,
                                                              const config::Validated& validated);

/// The settings in effect as a --config file that results in the same settings; each with its source as a
/// comment. The cookie is not included, only its source.
[[nodiscard]] std::string config_text(const config::RawConfig& raw, const config::Validated& validated);

/// Usage, commands and all settings, grouped, at most 100 columns wide.
[[nodiscard]] std::string help_text();

/// Usage, description, flags and exit statuses of a command.
[[nodiscard]] std::string help_text(const Command& command);

/// rancher_cnode wait [--timeout DURATION] [settings]
[[nodiscard]] std::string usage_of(const Command& command);

/// The flag's help with its range, without its default.
[[nodiscard]] std::string description_of(const Flag& flag);

}  // namespace rancher_cnode::cli
