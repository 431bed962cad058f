// The pace of metadata requests, as functions of values and time. Pure. Used by metadata_watcher.
//
// A change must be read within milliseconds, but servers are known that answer every wait at once, that
// change their version every second without end, and that are gone for hours.
//
// A round is the version, the service and the wait, back to back. The minimum gap lies between the end of a
// round's reads and the next round.
#pragma once

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::metadata {

/// The intervals of one watcher. Tests shorten the defaults.
struct Pace {
  Milliseconds min_gap{250};            ///< between the end of one round's reads and the next round
  Milliseconds retry_first{250};        ///< after the first failure; doubled with each further one
  Milliseconds retry_last{10'000};      ///< longest retry delay, unless the polling interval is shorter
  Milliseconds fallback_last{60'000};   ///< longest polling interval while long-polling does not work
  Milliseconds reread_interval{1'000};  ///< average interval of reads caused by version changes
  unsigned reread_burst = 2;            ///< changes after a quiet time that are delayed by at most min_gap
  Milliseconds max_wait{25'000};        ///< of a long-poll, as requested from the server
  Milliseconds wait_slack{7'000};       ///< the server's 5 s tick, and 2 s more, until a wait times out
  Milliseconds early_answer{500};       ///< an unchanged version sooner than this: the server did not wait
  Milliseconds earlier_url{30'000};     ///< between attempts at earlier base URLs while a later one is in use
  Milliseconds long_poll_retry{60'000};  ///< between attempts to long-poll once it was abandoned
};

/// The delay after `failures` failed reads in a row (1 or more).
[[nodiscard]] Milliseconds retry_delay(const Pace& pace, Milliseconds polling_interval, unsigned failures);

/// Admits `reread_burst` reads without delay after a quiet time, and one per `reread_interval` in the long
/// run (the generic cell rate algorithm, ITU-T I.371).
class RereadBudget {
 public:
  explicit RereadBudget(const Pace& pace);

  /// Takes one read from the budget. Returns the delay before it: zero while the budget lasts.
  [[nodiscard]] Duration take(TimePoint now);

 private:
  Duration interval_;
  Duration tolerance_;
  TimePoint due_ = TimePoint::min();  ///< when the next read would be due at the average rate
};

}  // namespace rancher_cnode::metadata
