// The table of settings: source of flags, environment variables, file keys, defaults and help. Used by
// command_line (flags, help), raw_config (variables, keys), texts and the test of docs/settings.md.
//
// A setting `polling-interval` is the flag --polling-interval, the variable RANCHER_CNODE_POLLING_INTERVAL
// and the key polling-interval in a --config file. Its rule is in validation.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rancher_cnode::config {

enum class Shape {
  single,  ///< one value; the last flag counts
  list,    ///< repeat the flag, separate by commas in the environment, write [a, b] in a file
  toggle,  ///< on or off; as a flag the name alone means on
};

struct Setting {
  std::string_view name;  ///< without dashes
  Shape shape;
  std::string_view argument;  ///< placeholder of the value in help: NAME, DURATION, on|off
  std::string_view fallback;  ///< the default as text, lists by commas; "" = none
  std::string_view help;      ///< one or two sentences
  std::string_view group;     ///< heading in help
};

/// All settings in the order of help, grouped.
[[nodiscard]] std::span<const Setting> settings();

/// Nothing (nullptr) if there is no setting of this name.
[[nodiscard]] const Setting* find_setting(std::string_view name);

/// Without dashes.
[[nodiscard]] std::vector<std::string> setting_names();

/// --polling-interval
[[nodiscard]] std::string flag_of(std::string_view name);

/// RANCHER_CNODE_POLLING_INTERVAL
[[nodiscard]] std::string variable_of(std::string_view name);

/// Prefix of all variables of the program.
inline constexpr std::string_view variable_prefix = "RANCHER_CNODE_";

}  // namespace rancher_cnode::config
