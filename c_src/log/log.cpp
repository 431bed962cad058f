#include "rancher_cnode/log/log.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <string>
#include <utility>

#include "log/line_writer.hpp"
#include "log/log_text.hpp"
#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode {
namespace {

/// The present in UTC, as RFC 3339 writes it, with milliseconds.
std::string timestamp() {
  const auto now = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  const std::time_t calendar = std::chrono::system_clock::to_time_t(second);
  std::tm utc{};
  ::gmtime_r(&calendar, &utc);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  const std::string milliseconds = std::to_string(1'000 + (now - second).count()).substr(1);
  return std::string(text.data(), length) + '.' + milliseconds + 'Z';
}

/// Where lines go. Called under the lock of Log.
class Output {
 public:
  virtual ~Output() = default;
  /// False if the line is lost, because it would have blocked.
  [[nodiscard]] virtual bool write(std::string line) = 0;
};

class SinkOutput final : public Output {
 public:
  explicit SinkOutput(std::shared_ptr<Log::Sink> sink) : sink_(std::move(sink)) {}
  bool write(std::string line) override {
    sink_->line(line);
    return true;
  }

 private:
  std::shared_ptr<Log::Sink> sink_;
};

class DescriptorOutput final : public Output {
 public:
  explicit DescriptorOutput(int descriptor) : writer_(descriptor) {}
  bool write(std::string line) override { return writer_.write(line += '\n'); }

 private:
  LineWriter writer_;
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
  Impl(LogLevel threshold, LogFormat format, std::unique_ptr<Output> output)
      : threshold_(threshold), format_(format), output_(std::move(output)) {}

  /// The reader of the output may stall: a line that would block is dropped and counted, and the next line is preceded by
  /// the count.
  void write(LogLevel level, std::string_view event, std::string_view message, Fields fields) {
    if (level < threshold_) {
      return;
    }
    const std::string body = log_body(format_, event, message, fields);
    const std::scoped_lock lock(mutex_);
    if (dropped_ > 0 && put(LogLevel::warning, lines_dropped())) {
      dropped_ = 0;
    }
    if (dropped_ > 0 || !put(level, body)) {
      ++dropped_;
    }
  }

 private:
  bool put(LogLevel level, std::string_view body) {
    std::string line = format_ == LogFormat::json ? R"({"time":")" : "";
    line += timestamp();
    line += format_ == LogFormat::json ? R"(","level":")" : " ";
    line += to_string(level);
    line += format_ == LogFormat::json ? "\"," : " ";
    line += body;
    line += format_ == LogFormat::json ? "}" : "";
    return output_->write(std::move(line));
  }

  [[nodiscard]] std::string lines_dropped() const {
    return log_body(format_, "log_lines_dropped", "standard error was not read in time; lines were dropped",
                    {{"lines", dropped_}});
  }

  const LogLevel threshold_;
  const LogFormat format_;
  std::mutex mutex_;
  std::unique_ptr<Output> output_;
  std::int64_t dropped_ = 0;
};

Log::Log(LogLevel threshold, LogFormat format) : Log(threshold, format, STDERR_FILENO) {}

Log::Log(LogLevel threshold, LogFormat format, int descriptor)
    : impl_(std::make_unique<Impl>(threshold, format, std::make_unique<DescriptorOutput>(descriptor))) {}

Log::Log(LogLevel threshold, LogFormat format, std::shared_ptr<Sink> sink)
    : impl_(std::make_unique<Impl>(threshold, format, std::make_unique<SinkOutput>(std::move(sink)))) {}

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
