#include "rancher_cnode/log/log.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "log/faults.hpp"
#include "log/line_writer.hpp"
#include "log/log_budget.hpp"
#include "log/recent_events.hpp"
#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode {
namespace {

using std::chrono::system_clock;

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

class Log::Impl {
 public:
  Impl(LogLevel threshold, LogFormat format, std::unique_ptr<Output> output, std::function<TimePoint()> now)
      : threshold_(threshold),
        format_(format),
        now_(std::move(now)),
        instance_(std::chrono::floor<Milliseconds>(system_clock::now()).time_since_epoch().count()),
        output_(std::move(output)) {}

  void write(LogLevel level, const Event& row, std::string_view message, Fields fields) {
    const std::scoped_lock lock(mutex_);
    write(now_(), level, row, message, fields);
  }

  void not_yet(const Event& row, std::string_view message, Fields fields) {
    const std::scoped_lock lock(mutex_);
    const auto now = now_();
    const bool normal = grace_ends_ && now < *grace_ends_;
    write(now, normal ? LogLevel::info : LogLevel::warning, row, message, fields, Fault::yes);
  }

  void set_startup_grace(Milliseconds grace) {
    const std::scoped_lock lock(mutex_);
    grace_ = grace;
  }

  void begin_grace() {
    const std::scoped_lock lock(mutex_);
    grace_ends_ = now_() + grace_;
  }

  void tick() {
    const std::scoped_lock lock(mutex_);
    tick(now_());
  }

  Recent recent(std::uint64_t after_id, std::size_t limit) {
    const std::scoped_lock lock(mutex_);
    return {instance_, recent_.after(after_id, limit), recent_.last_id()};
  }

  void on_event(std::function<void()> handler) {
    const std::scoped_lock lock(mutex_);
    on_event_ = std::move(handler);
  }

  std::vector<LoggedEvent> latest(std::size_t limit) {
    const std::scoped_lock lock(mutex_);
    return recent_.latest(limit);
  }

 private:
  enum class Fault { no, yes };

  void write(TimePoint now, LogLevel level, const Event& row, std::string_view message, Fields fields,
             Fault fault = Fault::no) {
    tick(now);
    LoggedEvent event = logged(level, row, message, fields);
    faults_.ended_by(event);
    if (fault == Fault::yes || (level >= LogLevel::warning && row.ended_by != event_table::momentary)) {
      faults_.began(now, event);
    }
    // Debug is for analysis, where every line counts, too.
    const bool unlimited = level == LogLevel::debug || row.line_limit == LineLimit::off;
    event.logged = level >= threshold_ && (unlimited || budget_.take(now, event));
    remember_and_print(event);
  }

  void tick(TimePoint now) {
    if (grace_ends_ && now >= *grace_ends_) {
      grace_ends_.reset();
      for (LoggedEvent& event : faults_.take_pending()) {
        event.time = system_clock::now();
        event.logged = event.level >= threshold_ && budget_.take(now, event);
        remember_and_print(event);
      }
    }
    if (const auto left_out = budget_.take_summary(now)) {
      add(logged(
          LogLevel::warning, EventAt<LogLevel::warning>("log_lines_suppressed").row(),
          "too many lines about the same matter, or the same of too many peers, were left out",
          {{"lines", left_out->lines}, {"events", left_out->events}, {"examples", left_out->examples}}));
    }
    if (const auto lasting = faults_.take_reminder(now)) {
      add(logged(LogLevel::warning, EventAt<LogLevel::warning>("still_degraded").row(),
                 "reported, and not ended yet",
                 {{"faults", lasting->faults},
                  {"oldest", lasting->oldest},
                  {"oldest_s", lasting->oldest_age.count()},
                  {"examples", lasting->examples}}));
    }
  }

  static LoggedEvent logged(LogLevel level, const Event& row, std::string_view message, Fields fields) {
    return {.time = system_clock::now(),
            .level = level,
            .event = std::string(row.name),
            .message = std::string(message),
            .fields = fields};
  }

  void remember_and_print(const LoggedEvent& event) {
    if (event.level >= LogLevel::info) {
      recent_.add(event);
      if (on_event_) {
        on_event_();
      }
    }
    if (event.logged) {
      print(event);
    }
  }

  /// Without the budget.
  void add(LoggedEvent event) {
    event.logged = event.level >= threshold_;
    remember_and_print(event);
  }

  /// The reader of the output may stall: a line that would block is dropped and counted, and the next line is
  /// preceded by the count.
  void print(const LoggedEvent& event) {
    if (dropped_ > 0 && put(lines_dropped())) {
      dropped_ = 0;
    }
    if (dropped_ > 0 || !put(event)) {
      ++dropped_;
    }
  }

  bool put(const LoggedEvent& event) { return output_->write(log_line(format_, event)); }

  [[nodiscard]] LoggedEvent lines_dropped() const {
    return logged(LogLevel::warning, EventAt<LogLevel::warning>("log_lines_dropped").row(),
                  "standard error was not read in time; lines were dropped", {{"lines", dropped_}});
  }

  const LogLevel threshold_;
  const LogFormat format_;
  const std::function<TimePoint()> now_;
  const std::int64_t instance_;
  std::mutex mutex_;
  std::unique_ptr<Output> output_;
  RecentEvents recent_;
  std::function<void()> on_event_;
  LogBudget budget_;
  Faults faults_;
  Milliseconds grace_{0};
  std::optional<TimePoint> grace_ends_;  ///< nothing: it is over
  std::int64_t dropped_ = 0;
};

Log::Log(LogLevel threshold, LogFormat format) : Log(threshold, format, STDERR_FILENO) {}

Log::Log(LogLevel threshold, LogFormat format, int descriptor)
    : impl_(std::make_unique<Impl>(threshold, format, std::make_unique<DescriptorOutput>(descriptor),
                                   &Clock::now)) {}

Log::Log(LogLevel threshold, LogFormat format, std::shared_ptr<Sink> sink, std::function<TimePoint()> now)
    : impl_(std::make_unique<Impl>(threshold, format, std::make_unique<SinkOutput>(std::move(sink)),
                                   std::move(now))) {}

Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

void Log::debug(EventAt<LogLevel::debug> event, std::string_view message, Fields fields) const {
  impl_->write(LogLevel::debug, event.row(), message, fields);
}

void Log::info(EventAt<LogLevel::info> event, std::string_view message, Fields fields) const {
  impl_->write(LogLevel::info, event.row(), message, fields);
}

void Log::warning(EventAt<LogLevel::warning> event, std::string_view message, Fields fields) const {
  impl_->write(LogLevel::warning, event.row(), message, fields);
}

void Log::error(EventAt<LogLevel::error> event, std::string_view message, Fields fields) const {
  impl_->write(LogLevel::error, event.row(), message, fields);
}

void Log::not_yet(StartupEvent event, std::string_view message, Fields fields) const {
  impl_->not_yet(event.row(), message, fields);
}

void Log::set_startup_grace(Milliseconds grace) const { impl_->set_startup_grace(grace); }

void Log::begin_grace() const { impl_->begin_grace(); }

void Log::tick() const { impl_->tick(); }

Log::Recent Log::recent(std::uint64_t after_id, std::size_t limit) const {
  return impl_->recent(after_id, limit);
}

std::vector<LoggedEvent> Log::latest(std::size_t limit) const { return impl_->latest(limit); }

void Log::on_event(std::function<void()> handler) const { impl_->on_event(std::move(handler)); }

}  // namespace rancher_cnode
