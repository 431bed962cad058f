#include "rancher_cnode/metadata/watch_pacing.hpp"

#include <algorithm>

#include "rancher_cnode/core/backoff.hpp"

namespace rancher_cnode::metadata {

Milliseconds retry_delay(const Pace& pace, Milliseconds polling_interval, unsigned failures) {
  const Milliseconds longest = std::min(polling_interval, pace.retry_last);
  return std::max(Backoff(pace.retry_first, longest).after(failures), pace.min_gap);
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
