// Log lines as events with fields, on standard error, one per change and not per tick.
//
// Text: 2026-01-31T12:00:00.123Z warning event=node_name_taken msg="another node has registered it; retrying" node=a@10.42.0.7
// JSON: {"time":"...","level":"warning","event":"node_name_taken","message":"...","node":"a@10.42.0.7"}
//
// Used by every component except membership/. Thread-safe, and never blocks on the reader of standard error.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace rancher_cnode {

/// debug = configuration, info = normal operation, warning = degraded, error = a person must act.
enum class LogLevel { debug, info, warning, error };
enum class LogFormat { text, json };

[[nodiscard]] std::string_view to_string(LogLevel level);
[[nodiscard]] std::string_view to_string(LogFormat format);

struct LogField {
  std::string_view key;  ///< snake_case, with its unit at the end where it has one (took_ms)
  std::variant<std::string, std::int64_t, double, bool> value;

  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  LogField(std::string_view k, T v) : key(k), value(convert(v)) {}

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

class Log {
 public:
  using Fields = std::initializer_list<LogField>;

  /// Receives the lines in tests, instead of standard error. Called under a lock, with one whole line (without newline)
  /// at a time.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void line(std::string_view text) = 0;
  };

  /// Writes to standard error, or to another descriptor that must stay open, without blocking: lines that cannot be
  /// written at once are dropped and counted, and reported by log_lines_dropped with the next line.
  /// A line has at most PIPE_BUF bytes (4096); longer values are cut.
  Log(LogLevel threshold, LogFormat format);
  Log(LogLevel threshold, LogFormat format, int descriptor);
  Log(LogLevel threshold, LogFormat format, std::shared_ptr<Sink> sink);
  ~Log();
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;

  /// `event` is snake_case and stable (people grep for it); `message` is one sentence in words, may be empty.
  /// Control characters in values are escaped, so one event is always one line.
  void debug(std::string_view event, std::string_view message, Fields fields = {}) const;
  void info(std::string_view event, std::string_view message, Fields fields = {}) const;
  void warning(std::string_view event, std::string_view message, Fields fields = {}) const;
  void error(std::string_view event, std::string_view message, Fields fields = {}) const;
  void write(LogLevel level, std::string_view event, std::string_view message, Fields fields) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rancher_cnode
