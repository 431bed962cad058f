#include "rancher_cnode/log/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "log/line_writer.hpp"
#include "log/log_text.hpp"

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

/// Writes to a descriptor whose reader may stall: a line that would block is dropped and counted, and the next
/// line is preceded by the count. base_sink holds the lock.
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  DescriptorSink(int descriptor, LogFormat format) : writer_(descriptor), format_(format) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (dropped_ > 0 && write(lines_dropped(message))) {
      dropped_ = 0;
    }
    if (dropped_ > 0 || !write(message)) {
      ++dropped_;
    }
  }
  void flush_() override {}

 private:
  bool write(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    return writer_.write(std::string_view(line.data(), line.size()));
  }

  spdlog::details::log_msg lines_dropped(const spdlog::details::log_msg& before) {
    dropped_body_ =
        log_body(format_, "log_lines_dropped", "standard error was not read in time; lines were dropped",
                 {{"lines", dropped_}});
    return {before.time, before.source, before.logger_name, spdlog::level::warn, dropped_body_};
  }

  LineWriter writer_;
  LogFormat format_;
  std::int64_t dropped_ = 0;
  std::string dropped_body_;
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
    if (!logger_.should_log(spdlog_level)) {
      return;
    }
    logger_.log(spdlog_level, log_body(format_, event, message, fields));
  }

 private:
  LogFormat format_;
  spdlog::logger logger_;
};

Log::Log(LogLevel threshold, LogFormat format) : Log(threshold, format, STDERR_FILENO) {}

Log::Log(LogLevel threshold, LogFormat format, int descriptor)
    : impl_(std::make_unique<Impl>(threshold, format, std::make_shared<DescriptorSink>(descriptor, format),
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
