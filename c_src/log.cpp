#include "rancher_cnode/log.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

namespace rancher_cnode {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// Length of the UTF-8 sequence that text begins with (Unicode 15, table 3-7), 0 if it is not well-formed.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const auto continues = [&byte](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if ((byte(i) & 0xc0U) != 0x80U) return false;
    }
    return true;
  };
  const unsigned lead = byte(0);
  const unsigned second = byte(1);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1, 2) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool overlong = lead == 0xe0 && second < 0xa0;
    const bool surrogate = lead == 0xed && second > 0x9f;
    return !overlong && !surrogate && continues(1, 3) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool overlong = lead == 0xf0 && second < 0x90;
    const bool beyond = lead == 0xf4 && second > 0x8f;
    return !overlong && !beyond && continues(1, 4) ? 4 : 0;
  }
  return 0;
}

/// JSON's escapes, used for text lines too, so that no value can end a line or drive a terminal. C1 control
/// characters count as control characters; bytes that are not UTF-8 become U+FFFD.
void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto lead = static_cast<unsigned char>(text.front());
    const bool c1_control = length == 2 && lead == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
    if (length == 0) {
      out += "\\ufffd";
    } else if (c1_control) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(text[1]));
    } else if (text.front() == '"' || text.front() == '\\') {
      out += '\\';
      out += text.front();
    } else if (text.front() == '\n') {
      out += "\\n";
    } else if (text.front() == '\r') {
      out += "\\r";
    } else if (text.front() == '\t') {
      out += "\\t";
    } else if (length == 1 && (lead < 0x20 || lead == 0x7f)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", lead);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

bool reads_well_unquoted(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
  });
}

void append_value(std::string& out, const LogField& field, LogFormat format) {
  if (const auto* text = std::get_if<std::string>(&field.value)) {
    if (format == LogFormat::text && reads_well_unquoted(*text)) {
      out += *text;
    } else {
      append_quoted(out, *text);
    }
  } else if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
    out += std::to_string(*integer);
  } else if (const auto* number = std::get_if<double>(&field.value)) {
    // JSON has no word for NaN and infinity.
    out += std::isfinite(*number) ? fmt::format("{}", *number) : "null";
  } else {
    out += std::get<bool>(field.value) ? "true" : "false";
  }
}

std::string text_body(std::string_view event, std::string_view message, Log::Fields fields) {
  std::string body = "event=";
  body += event;
  if (!message.empty()) {
    body += " msg=";
    append_quoted(body, message);
  }
  for (const LogField& field : fields) {
    body += ' ';
    body += field.key;
    body += '=';
    append_value(body, field, LogFormat::text);
  }
  return body;
}

std::string json_body(std::string_view event, std::string_view message, Log::Fields fields) {
  std::string body = "\"event\":";
  append_quoted(body, event);
  if (!message.empty()) {
    body += ",\"message\":";
    append_quoted(body, message);
  }
  for (const LogField& field : fields) {
    body += ',';
    append_quoted(body, field.key);
    body += ':';
    append_value(body, field, LogFormat::json);
  }
  return body;
}

std::unique_ptr<spdlog::formatter> line_format(LogFormat format, std::string end_of_line) {
  const char* const pattern = format == LogFormat::json
                                  ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                                  : "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
  return std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc,
                                                     std::move(end_of_line));
}

/// Hands whole lines to a Log::Sink; base_sink holds the lock.
class ForwardingSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit ForwardingSink(std::shared_ptr<Log::Sink> target) : target_(std::move(target)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    target_->line(std::string_view(line.data(), line.size()));
  }
  void flush_() override {}

 private:
  std::shared_ptr<Log::Sink> target_;
};

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

std::string_view to_string(LogFormat format) { return format == LogFormat::json ? "json" : "text"; }

class Log::Impl {
 public:
  Impl(LogLevel threshold, LogFormat format, spdlog::sink_ptr sink, std::string end_of_line)
      : format_(format), logger_("rancher_cnode", std::move(sink)) {
    logger_.set_level(to_spdlog(threshold));
    logger_.set_formatter(line_format(format, std::move(end_of_line)));
  }

  void write(LogLevel level, std::string_view event, std::string_view message, Fields fields) {
    const auto spdlog_level = to_spdlog(level);
    if (!logger_.should_log(spdlog_level)) return;
    logger_.log(spdlog_level, format_ == LogFormat::json ? json_body(event, message, fields)
                                                         : text_body(event, message, fields));
  }

 private:
  LogFormat format_;
  spdlog::logger logger_;
};

Log::Log(LogLevel threshold, LogFormat format)
    : impl_(std::make_unique<Impl>(threshold, format, std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                   "\n")) {}

Log::Log(LogLevel threshold, LogFormat format, std::shared_ptr<Sink> sink)
    : impl_(
          std::make_unique<Impl>(threshold, format, std::make_shared<ForwardingSink>(std::move(sink)), "")) {}

Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

void Log::debug(std::string_view event, std::string_view message, Fields fields) const {
  write(LogLevel::debug, event, message, fields);
}

void Log::info(std::string_view event, std::string_view message, Fields fields) const {
  write(LogLevel::info, event, message, fields);
}

void Log::warning(std::string_view event, std::string_view message, Fields fields) const {
  write(LogLevel::warning, event, message, fields);
}

void Log::error(std::string_view event, std::string_view message, Fields fields) const {
  write(LogLevel::error, event, message, fields);
}

void Log::write(LogLevel level, std::string_view event, std::string_view message, Fields fields) const {
  impl_->write(level, event, message, fields);
}

}  // namespace rancher_cnode
