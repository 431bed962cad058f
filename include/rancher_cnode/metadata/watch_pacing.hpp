// When the metadata may be asked, as functions of values and time. Pure; used by metadata_watcher.
//
// What makes it hard: a change must be read within milliseconds, yet servers are known that answer every wait
// at once, that change their version every second for ever, and that are gone for hours.
//
// A round is the version, the service and the wait, back to back: what is asked at once is one round, and the
// gap is kept between the end of a round's reads and the next round.
#pragma once

#include "rancher_cnode/clock.hpp"

namespace rancher_cnode::metadata {

/// The intervals of one watcher. The defaults are those of production; tests shorten them.
struct Pace {
  Milliseconds min_gap{250};            ///< between the end of one round's reads and the next round
  Milliseconds retry_first{250};        ///< after the first failure; doubles from one to the next
  Milliseconds retry_last{10'000};      ///< longest retry delay, where the polling interval is not shorter
  Milliseconds fallback_last{60'000};   ///< longest between polls while a watched server does not long-poll
  Milliseconds reread_interval{1'000};  ///< between reads that version changes cause, on the average
  unsigned reread_burst = 2;            ///< changes after a quiet time that wait for no more than min_gap
  Milliseconds max_wait{25'000};        ///< of a long-poll, as the server is asked for it
  Milliseconds wait_slack{7'000};       ///< the server's 5 s tick, and 2 s more, until a wait is given up
  Milliseconds early_answer{500};       ///< an unchanged version sooner than this: the server did not wait
  Milliseconds earlier_url{30'000};     ///< between tries of earlier base URLs while a later one is in use
  Milliseconds watch_again{60'000};     ///< between tries to long-poll once the server was seen not to
};

/// How long to rest after `failures` bad reads in a row (1 or more).
[[nodiscard]] Milliseconds retry_delay(const Pace& pace, Milliseconds polling_interval, unsigned failures);

/// Lets `reread_burst` reads through without delay after a quiet time, and one per `reread_interval` in the
/// long run (the generic cell rate algorithm, ITU-T I.371).
class RereadBudget {
 public:
  explicit RereadBudget(const Pace& pace);

  /// Takes one read out of the budget. How long to rest before it: zero while the budget lasts.
  [[nodiscard]] Duration take(TimePoint now);

 private:
  Duration interval_;
  Duration tolerance_;
  TimePoint due_ = TimePoint::min();  ///< when the next read would be due at the plain rate
};

}  // namespace rancher_cnode::metadata
