// Log lines as events with fields, on standard error, one per change and not per tick. Remembers the recent
// ones, leaves out what is too much (LogBudget), and reminds of what lasts (Faults).
//
// Text: 2026-01-31T12:00:00.123Z warning event=node_name_taken msg="retrying" node=a@10.42.0.7
// JSON: {"time":"...","level":"warning","event":"node_name_taken","message":"retrying","node":"a@10.42.0.7"}
//
// Used by every component except membership/. Thread-safe, and never blocks on the reader of standard error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/events.hpp"
#include "rancher_cnode/log/logged_event.hpp"

namespace rancher_cnode {

class Log {
 public:
  using Fields = std::initializer_list<LogField>;

  /// Receives the lines in tests, instead of standard error. Called under a lock, with one whole line
  /// (without newline) at a time.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void line(std::string_view text) = 0;
  };

  /// Writes to standard error, or to another descriptor that must stay open, without blocking: lines that
  /// cannot be written at once are dropped and counted, and reported by log_lines_dropped with the next line.
  /// A line has at most PIPE_BUF bytes (4096); longer values are cut.
  Log(LogLevel threshold, LogFormat format);
  Log(LogLevel threshold, LogFormat format, int descriptor);
  Log(LogLevel threshold, LogFormat format, std::shared_ptr<Sink> sink,
      std::function<TimePoint()> now = &Clock::now);
  ~Log();
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;

  /// `message` is one sentence in words, may be empty.
  /// Control characters in values are escaped, so one event is always one line.
  void debug(EventAt<LogLevel::debug> event, std::string_view message, Fields fields = {}) const;
  void info(EventAt<LogLevel::info> event, std::string_view message, Fields fields = {}) const;
  void warning(EventAt<LogLevel::warning> event, std::string_view message, Fields fields = {}) const;
  void error(EventAt<LogLevel::error> event, std::string_view message, Fields fields = {}) const;
  /// Something that a start goes through is not there yet: info before the grace is over. If it has not ended
  /// by then, it is logged once more, as a warning; after the grace it is a warning at once.
  void not_yet(StartupEvent event, std::string_view message, Fields fields = {}) const;

  /// The time that a start may take. None by default.
  void set_startup_grace(Milliseconds grace) const;
  /// A start begins: of this program, or of the BEAM.
  void begin_grace() const;
  /// Logs what is due: the end of the grace, lines left out, faults that last. To be called every few
  /// seconds.
  void tick() const;

  struct Recent {
    std::int64_t instance;            ///< another one after a restart of the program, whose ids begin anew
    std::vector<LoggedEvent> events;  ///< in their order
    std::uint64_t last_id = 0;        ///< of all events so far
  };
  /// At most `limit` remembered events with a higher id: of info and above, whatever the threshold is, with
  /// those that were left out.
  [[nodiscard]] Recent recent(std::uint64_t after_id, std::size_t limit) const;
  /// At most `limit` of them, the latest first.
  [[nodiscard]] std::vector<LoggedEvent> latest(std::size_t limit) const;
  /// Called after each event that is remembered, on the thread that logs it and under a lock: it must hand
  /// over and not log. Replaces the one before; once this returns, that is not called any more.
  void on_event(std::function<void()> handler) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rancher_cnode
