#include "log/log_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <limits>
#include <variant>

#include "rancher_cnode/core/printable.hpp"

namespace rancher_cnode {
namespace {

/// Less the space for time, level and line end in either format, with a margin.
constexpr std::size_t max_body = max_log_line - 96;

/// The longest value if the line would be too long; halved until the line fits.
constexpr std::size_t long_value = 1024;

bool reads_well_unquoted(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
  });
}

/// The shortest text that reads back as the same number.
std::string decimal(double number) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), end};
}

/// Builds one line.
class Body {
 public:
  Body(LogFormat format, std::size_t longest_value) : format_(format), longest_value_(longest_value) {}

  void quoted(std::string_view text) {
    text_ += '"';
    text_ += printable(text, longest_value_);
    text_ += '"';
  }

  /// The separator, and the key up to its value.
  void key(std::string_view name) {
    const bool json = format_ == LogFormat::json;
    if (!text_.empty()) {
      text_ += json ? ',' : ' ';
    }
    if (json) {
      text_ += '"';
    }
    text_ += name;
    text_ += json ? "\":" : "=";
  }

  void value(const LogField& field) {
    if (const auto* text = std::get_if<std::string>(&field.value)) {
      const bool plain =
          format_ == LogFormat::text && text->size() <= longest_value_ && reads_well_unquoted(*text);
      plain ? raw(*text) : quoted(*text);
    } else {
      raw(field.text());
    }
  }

  void raw(std::string_view text) { text_ += text; }
  [[nodiscard]] std::string& text() { return text_; }

 private:
  LogFormat format_;
  std::size_t longest_value_;
  std::string text_;
};

std::string body_of(LogFormat format, std::string_view event, std::string_view message,
                    const std::vector<LogField>& fields, std::size_t longest_value) {
  Body body(format, longest_value);
  body.key("event");
  format == LogFormat::json ? body.quoted(event) : body.raw(event);
  if (!message.empty()) {
    body.key(format == LogFormat::json ? "message" : "msg");
    body.quoted(message);
  }
  for (const LogField& field : fields) {
    body.key(field.key);
    body.value(field);
  }
  return std::move(body.text());
}

}  // namespace

std::string log_body(LogFormat format, std::string_view event, std::string_view message,
                     const std::vector<LogField>& fields) {
  std::string body = body_of(format, event, message, fields, std::numeric_limits<std::size_t>::max());
  for (std::size_t longest = long_value; body.size() > max_body && longest > 0; longest /= 2) {
    body = body_of(format, event, message, fields, longest);
  }
  return body;
}

std::string_view to_string(LogFormat format) { return format == LogFormat::json ? "json" : "text"; }

std::string timestamp(std::chrono::system_clock::time_point time) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  const std::time_t calendar = std::chrono::system_clock::to_time_t(second);
  std::tm utc{};
  ::gmtime_r(&calendar, &utc);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  const std::string milliseconds = std::to_string(1'000 + (now - second).count()).substr(1);
  return std::string(text.data(), length) + '.' + milliseconds + 'Z';
}

std::string LogField::text() const {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return *text;
  }
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return std::to_string(*integer);
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return std::isfinite(*number) ? decimal(*number) : "null";
  }
  return std::get<bool>(value) ? "true" : "false";
}

std::string_view LoggedEvent::text(std::string_view key) const {
  const auto field = std::ranges::find(fields, key, &LogField::key);
  const auto* const value = field == fields.end() ? nullptr : std::get_if<std::string>(&field->value);
  return value == nullptr ? std::string_view() : *value;
}

std::string log_line(LogFormat format, const LoggedEvent& event) {
  const bool json = format == LogFormat::json;
  std::string line = json ? R"({"time":")" : "";
  line += timestamp(event.time);
  line += json ? R"(","level":")" : " ";
  line += to_string(event.level);
  line += json ? "\"," : " ";
  line += log_body(format, event.event, event.message, event.fields);
  line += json ? "}" : "";
  return line;
}

}  // namespace rancher_cnode
