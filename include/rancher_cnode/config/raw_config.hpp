// The raw settings: texts and their sources; only the names are checked. Made from flags (command_line),
// environment and a --config file; validation turns them into a Config.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::config {

/// In order of precedence, highest first.
enum class Origin { flag, environment, file, fallback };

struct RawValue {
  std::vector<std::string> texts;  ///< never empty; more than one only for lists
  Origin origin = Origin::fallback;
  std::string place;  ///< $RANCHER_CNODE_IP, '/etc/rancher_cnode.toml'; "" for flag and default

  friend bool operator==(const RawValue&, const RawValue&) = default;
};

/// By setting name. A setting without any value, not even a default, is absent.
using RawConfig = std::map<std::string, RawValue, std::less<>>;

struct FileSettings {
  RawConfig settings;
  std::vector<std::string> problems;  ///< one line each
};

/// The keys of a --config file. `path` is used for messages only. Problems are unknown keys, sections,
/// duplicate keys, and more than one value for a single setting; their lines never contain a value, nor a key
/// that may be one: the path may name the wrong file.
[[nodiscard]] FileSettings parse_config_file(std::string_view text, const std::string& path);

/// Reads and parses the file, at most 1 MiB. A file that cannot be read is a problem.
[[nodiscard]] FileSettings read_config_file(const std::string& path);

/// RANCHER_CNODE_<NAME> of every setting that is set in the environment.
[[nodiscard]] RawConfig from_environment(const Environment& environment);

/// flags > environment > file > $CONTAINER_IP (for ip alone) > defaults.
[[nodiscard]] RawConfig layered(RawConfig flags, RawConfig environment, RawConfig file,
                                const Environment& variables);

/// One sentence for each RANCHER_CNODE_ variable that is not a setting, most likely a misspelt one.
[[nodiscard]] std::vector<std::string> unknown_variables(const Environment& environment);

}  // namespace rancher_cnode::config
