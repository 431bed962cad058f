// Whether answers follow one another closely enough to be evidence for the time between them. Used by membership.
#pragma once

#include <optional>
#include <utility>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::membership {

class Coverage {
 public:
  explicit Coverage(Milliseconds longest_gap) : longest_gap_(longest_gap) {}

  /// An answer came. False if nothing is known of the time before it: it is the first, the first since broken(), or
  /// it came too late after the last one, perhaps because this process was paused.
  [[nodiscard]] bool extend(TimePoint now) {
    const auto last = std::exchange(last_, now);
    return last && now - *last <= longest_gap_;
  }

  /// What came was no answer.
  void broken() { last_.reset(); }

 private:
  Milliseconds longest_gap_;
  std::optional<TimePoint> last_;
};

}  // namespace rancher_cnode::membership
