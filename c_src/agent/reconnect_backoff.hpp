// The delay before the next connection attempt to a BEAM. Pure: time is an argument. Used by
// TargetConnection, one object per BEAM.
//
// An absent BEAM may be tried often. One that refuses us, or closes each connection at once, writes a line
// into the application's log each time, so it is retried less and less often, and at once only when its
// process or our cookie has changed. A connection counts once it is stable.
#pragma once

#include <optional>

#include "rancher_cnode/core/backoff.hpp"
#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::agent {

/// Where the BEAM is: on our own host or on another one.
enum class Locality { local, remote };

class ReconnectBackoff {
 public:
  /// A connection that ends sooner counts as a failed attempt.
  static constexpr Milliseconds stable_after{1'000};

  /// `now`: when the attempts begin.
  ReconnectBackoff(Locality locality, TimePoint now) : locality_(locality), connecting_since_(now) {}

  /// An attempt failed: the delay before the next one. Local: 50 ms for 10 s, while the BEAM boots, then 250
  /// ms. Remote: 100 ms, doubled with each failed attempt in a row, at most 10 s.
  [[nodiscard]] Milliseconds failed(TimePoint now);

  /// The BEAM refused us: the delay before the next attempt. 1 s, four times as long with each refusal, at
  /// most 15 min: 8 attempts in the first hour, 4 in each later one. Local and remote.
  [[nodiscard]] Milliseconds refused();

  /// Its process or our cookie has changed: the delays after refusals start over.
  void changed(TimePoint now);

  /// The connection is stable: all delays start over.
  void stabilized();

  /// The connection ended before it was stable: the delay before the next attempt. 100 ms, doubled with each
  /// such connection since the last stable one, at most 15 min. Local and remote.
  [[nodiscard]] Milliseconds ended_early(TimePoint now);

  /// A stable connection ended; the next attempt is due at once.
  void ended(TimePoint now);

  /// True after a connection ended early, until one is stable.
  [[nodiscard]] bool unstable() const { return short_connections_.failures() > 0; }

  /// True if the next attempt is due at once and the delays after failed attempts start over: once in 5 s.
  [[nodiscard]] bool on_external_change(TimePoint now);

 private:
  const Locality locality_;
  TimePoint connecting_since_;
  Backoff failed_attempts_{Milliseconds(100), Milliseconds(10'000)};  ///< remote
  Backoff refusals_{Milliseconds(1'000), Milliseconds(900'000), 4};
  Backoff short_connections_{Milliseconds(100), Milliseconds(900'000)};
  std::optional<TimePoint> last_external_change_;
};

}  // namespace rancher_cnode::agent
