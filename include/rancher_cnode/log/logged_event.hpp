// One event as it was logged: what a line shows, and what the log remembers. Used by Log, the status server
// and the command `events`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "rancher_cnode/log/events.hpp"

namespace rancher_cnode {

enum class LogFormat { text, json };

[[nodiscard]] std::string_view to_string(LogFormat format);

struct LogField {
  std::string key;  ///< snake_case, with its unit at the end where it has one (took_ms)
  std::variant<std::string, std::int64_t, double, bool> value;

  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  LogField(std::string_view k, T v) : key(k), value(convert(v)) {}

  /// The value alone; a number that is none (NaN, infinity) is "null", as in JSON.
  [[nodiscard]] std::string text() const;

 private:
  template <class T>
  static std::variant<std::string, std::int64_t, double, bool> convert(T v) {
    if constexpr (std::is_same_v<T, bool>) {
      return v;
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<double>(v);
    } else {
      return static_cast<std::int64_t>(v);
    }
  }
};

struct LoggedEvent {
  std::uint64_t id = 0;  ///< grows with each remembered event; 0 if it is not remembered
  std::chrono::system_clock::time_point time{};
  LogLevel level = LogLevel::info;
  std::string event{};
  std::string message{};
  std::vector<LogField> fields{};
  bool logged = false;  ///< it has a line: its level is logged, and it was not left out

  /// The value of a field that is text; empty if there is none.
  [[nodiscard]] std::string_view text(std::string_view key) const;
};

/// In UTC, as RFC 3339 writes it, with milliseconds.
[[nodiscard]] std::string timestamp(std::chrono::system_clock::time_point time);

/// As a line of the log shows it, without its end; at most PIPE_BUF bytes (4096) with it.
[[nodiscard]] std::string log_line(LogFormat format, const LoggedEvent& event);

}  // namespace rancher_cnode
