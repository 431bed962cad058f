// How long to wait before something that failed is tried again. A pure value: it counts failures and reads no
// clock. Used by whatever retries: connections to a BEAM, dials, epmd, metadata requests.
#pragma once

#include <cstdint>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode {

class Backoff {
 public:
  /// The delay is `first` after the first failure and `factor` times as long after each further one, at most
  /// `limit`. Preconditions: first > 0, factor >= 2.
  constexpr Backoff(Milliseconds first, Milliseconds limit, std::uint32_t factor = 2)
      : first_(first), limit_(limit), factor_(factor) {}

  /// Counts a failure and returns the delay after it.
  Milliseconds next() { return after(++failures_); }

  /// The delay after `failures` failures in a row, whatever was counted; 0 counts as 1.
  [[nodiscard]] Milliseconds after(std::uint32_t failures) const;

  /// Counted since the last reset.
  [[nodiscard]] std::uint32_t failures() const { return failures_; }
  void reset() { failures_ = 0; }

 private:
  Milliseconds first_;
  Milliseconds limit_;
  std::uint32_t factor_;
  std::uint32_t failures_ = 0;
};

/// A random delay from the upper half of `delay`, so that those who failed together do not retry together.
/// `random` returns a value between two durations, both included: random.between(low, high).
template <class Random>
[[nodiscard]] Duration jittered(Duration delay, Random& random) {
  return random.between(delay / 2, delay);
}

}  // namespace rancher_cnode
