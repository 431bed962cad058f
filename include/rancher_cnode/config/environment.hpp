// The process environment as a value, so that settings can be tested without setenv.
// Used by config and cli; main creates it from the process.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rancher_cnode::config {

class Environment {
 public:
  using Variables = std::map<std::string, std::string, std::less<>>;

  explicit Environment(Variables variables);

  /// A copy of the process environment. Call it before other threads start: it reads `environ`.
  [[nodiscard]] static Environment of_process();

  /// The variable's value; nothing if it is not set or empty, because compose files and wrapper scripts often
  /// pass variables on that have no value.
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;

  /// Whether the variable is set, also to nothing.
  [[nodiscard]] bool has(std::string_view name) const { return variables_.contains(name); }

  /// Names of all variables that begin with prefix, sorted.
  [[nodiscard]] std::vector<std::string> names_with_prefix(std::string_view prefix) const;

 private:
  Variables variables_;
};

}  // namespace rancher_cnode::config
