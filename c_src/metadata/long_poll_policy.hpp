// Whether the server can long-poll, how long a wait lasts, and what follows one. Pure: time and answers come
// in as arguments. Used by WatchLoop.
//
// A single failed wait may be a restart of the metadata service: the next round shows at once whether it is
// still there. A server that answers waits at once or lets them fail is polled instead, and tried again now
// and then.
#pragma once

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/metadata/watch_pacing.hpp"

namespace rancher_cnode::metadata {

/// Whether the last round's reads succeeded.
enum class Reads { succeed, fail };

/// What a wait brought.
enum class WaitAnswer {
  changed,
  unchanged,
  cancelled,  ///< by us
  closed,     ///< the connection, by a restart or by a proxy that closes idle ones
  failed,     ///< anything else, a timeout for example
};

class LongPollPolicy {
 public:
  struct Limits {
    Milliseconds longest;   ///< requested from the server
    Milliseconds deadline;  ///< when the wait times out here
  };
  enum class Next {
    round,  ///< at once
    rest,   ///< for what is left of the polling interval
  };
  /// What the log reports.
  enum class Change { none, resumed, abandoned };
  struct Verdict {
    Next next;
    Change change;
    friend bool operator==(const Verdict&, const Verdict&) = default;
  };

  explicit LongPollPolicy(const Pace& pace) : pace_(pace) {}

  /// As far as is known. True until the server has shown otherwise.
  [[nodiscard]] bool works() const { return works_; }
  /// A wait may follow the round: always while they work, once in Pace::long_poll_retry otherwise.
  [[nodiscard]] bool may_wait(TimePoint now) const { return works_ || now >= retry_at_; }
  /// `delay`: what the pause would last instead of the wait.
  [[nodiscard]] Limits limits(Reads reads, Milliseconds delay) const;

  /// A wait ended at `now` and lasted for `took`.
  [[nodiscard]] Verdict waited(TimePoint now, Reads reads, WaitAnswer answer, Milliseconds took);
  /// The reads succeeded, but without a version there is nothing to wait for.
  [[nodiscard]] Verdict no_version(TimePoint now) { return failed(now); }
  /// Waits that failed before do not count: the service was unavailable.
  void reads_failed() { failed_waits_ = 0; }

 private:
  Verdict answered();
  Verdict failed(TimePoint now);
  Verdict abandon(TimePoint now);

  Pace pace_;
  bool works_ = true;
  unsigned failed_waits_ = 0;  ///< in a row, while reads succeed
  TimePoint retry_at_{};       ///< the next attempt while works_ is false
};

}  // namespace rancher_cnode::metadata
