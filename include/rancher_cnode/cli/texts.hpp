// The texts of --print-config and --help, and the settings as the log tells them. Used by command_line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/cli/raw_config.hpp"
#include "rancher_cnode/cli/validation.hpp"

namespace rancher_cnode::cli {

struct SettingInEffect {
  std::string name;   ///< without dashes
  std::string value;  ///< as a --config file has it
  std::string from;   ///< where it was given: --ip, $CONTAINER_IP, '/etc/c.toml', default
};

/// Every setting that has a value, in the order of settings(), and where the cookie was found.
[[nodiscard]] std::vector<SettingInEffect> settings_in_effect(const RawConfig& raw,
                                                              const Validated& validated);

/// The settings in effect as a --config file that, read again, gives the same ones; each with its origin as a
/// comment. The cookie is not in it, only where it was found.
[[nodiscard]] std::string config_text(const RawConfig& raw, const Validated& validated);

/// Usage, commands and all settings, grouped, at most 100 columns wide.
[[nodiscard]] std::string help_text();

/// Usage of the command `ip`.
[[nodiscard]] std::string ip_help_text();

/// Of the wait command.
[[nodiscard]] std::string wait_help_text();

}  // namespace rancher_cnode::cli
