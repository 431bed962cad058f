// Turns the texts of raw settings into values, and collects the violations of their rules. Used by
// validation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/messages.hpp"
#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::config {

template <class T>
using Choice = std::pair<std::string_view, T>;

/// The type that an optional one holds.
template <class T>
struct Plain {
  using type = T;
};
template <class T>
struct Plain<std::optional<T>> {
  using type = T;
};

/// Reads the settings one by one.
class SettingReader {
 public:
  explicit SettingReader(const RawConfig& raw) : raw_(raw) {}

  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

  /// The setting's text if it was given or has a default.
  [[nodiscard]] const std::string* text(std::string_view name) const {
    const auto found = raw_.find(name);
    return found == raw_.end() ? nullptr : &found->second.texts.front();
  }

  /// Not by default, whatever the value.
  [[nodiscard]] bool given(std::string_view name) const {
    const auto found = raw_.find(name);
    return found != raw_.end() && found->second.origin != Origin::fallback;
  }

  void fail(std::string_view name, std::string_view rule) {
    fail(violation(name, raw_.find(name)->second, rule));
  }

  void fail(std::string problem) { problems_.push_back(std::move(problem)); }

  /// Converts the text into target; if convert returns nothing, the rule is violated. An absent setting
  /// leaves target unchanged.
  template <class Target, class Convert>
  void read(std::string_view name, Target& target, Convert convert, std::string_view rule) {
    const std::string* const given = text(name);
    if (given == nullptr) {
      return;
    }
    if (auto converted = convert(*given)) {
      target = *std::move(converted);
    } else {
      fail(name, rule);
    }
  }

  /// Text that has a rule but needs no conversion.
  template <class Rule>
  void read_text(std::string_view name, std::string& target, Rule holds, std::string_view rule) {
    read(
        name, target, [&](const std::string& t) { return holds(t) ? std::optional(t) : std::nullopt; }, rule);
  }

  /// Of a setting with Shape::list.
  template <class Target>
  void read_list(std::string_view name, std::vector<Target>& target,
                 std::optional<Target> (*convert)(std::string_view), const std::string& rule,
                 std::size_t most) {
    const auto given = raw_.find(std::string(name));
    if (given == raw_.end()) {
      return;
    }
    for (const std::string& text : given->second.texts) {
      if (auto value = convert(text)) {
        target.push_back(*std::move(value));
      } else {
        // The part before an @ may be a password of a URL: it is not repeated.
        const std::string repeated = text.find('@') == std::string::npos ? text : "(with an @)";
        fail(violation(name, RawValue{{repeated}, given->second.origin, given->second.place}, rule));
      }
    }
    if (given->second.texts.size() > most) {
      fail(name, "must not be given more than " + std::to_string(most) + " times");
    }
  }

  template <class Target>
  void read_number(std::string_view name, Target& target, std::uint64_t least, std::uint64_t most) {
    const auto convert = [least, most](const std::string& t) -> std::optional<Target> {
      const auto number = number_between(t, least, most);
      return number ? std::optional<Target>(Target(*number)) : std::nullopt;
    };
    read(name, target, convert,
         "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }

  template <class Target>
  void read_duration(std::string_view name, Target& target, Milliseconds least, Milliseconds most) {
    const auto convert = [least, most](const std::string& t) { return duration_between(t, least, most); };
    read(name, target, convert, duration_rule(least, most));
  }

  template <class Target>
  void read_choice(std::string_view name, Target& target,
                   std::initializer_list<Choice<typename Plain<Target>::type>> choices) {
    const auto convert = [choices](const std::string& t) -> std::optional<typename Plain<Target>::type> {
      for (const auto& [word, meaning] : choices) {
        if (t == word) {
          return meaning;
        }
      }
      return std::nullopt;
    };
    const std::string* const given = text(name);
    read(name, target, convert, given == nullptr ? "" : choice_rule(*given, find_setting(name)->argument));
  }

  void read_switch(std::string_view name, Switch& target) {
    read(name, target, on_or_off, "must be on or off");
  }

 private:
  const RawConfig& raw_;
  std::vector<std::string> problems_;
};

}  // namespace rancher_cnode::config
