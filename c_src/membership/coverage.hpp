// Whether answers follow one another closely enough to be evidence for the time between them. Used by
// membership.
#pragma once

#include <optional>
#include <utility>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::membership {

class Coverage {
 public:
  explicit Coverage(Milliseconds longest_gap) : longest_gap_(longest_gap) {}

  /// An answer came. Returns false if it covers no time: it is the first one, the first since broken(), or
  /// more than the longest gap after the last one, perhaps because this process was paused.
  [[nodiscard]] bool extend(TimePoint now) {
    const auto last = std::exchange(last_, now);
    return last && now - *last <= longest_gap_;
  }

  /// A read failed or was incomplete.
  void broken() { last_.reset(); }

 private:
  Milliseconds longest_gap_;
  std::optional<TimePoint> last_;
};

}  // namespace rancher_cnode::membership
