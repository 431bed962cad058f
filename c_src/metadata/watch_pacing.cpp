#include "rancher_cnode/metadata/watch_pacing.hpp"

#include <algorithm>

namespace rancher_cnode::metadata {

Milliseconds retry_delay(const Pace& pace, Milliseconds polling_interval, unsigned failures) {
  const Milliseconds longest = std::min(polling_interval, pace.retry_last);
  Milliseconds delay = pace.retry_first;
  for (unsigned i = 1; i < failures && delay < longest; ++i) {
    delay *= 2;
  }
  return std::max(std::min(delay, longest), pace.min_gap);
}

RereadBudget::RereadBudget(const Pace& pace)
    : interval_(pace.reread_interval), tolerance_(pace.reread_interval * (pace.reread_burst - 1)) {}

Duration RereadBudget::take(TimePoint now) {
  due_ = std::max(due_, now);
  const Duration rest = std::max(Duration::zero(), due_ - tolerance_ - now);
  due_ += interval_;
  return rest;
}

}  // namespace rancher_cnode::metadata
