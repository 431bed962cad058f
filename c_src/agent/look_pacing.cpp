#include "look_pacing.hpp"

#include <algorithm>

namespace rancher_cnode::agent {
namespace {

constexpr Milliseconds often{50};
constexpr Milliseconds seldom{250};
constexpr Milliseconds often_for{10'000};
constexpr Milliseconds remote_first{100};
constexpr Milliseconds remote_limit{10'000};

}  // namespace

Milliseconds local_look_delay(Duration looking_for) { return looking_for < often_for ? often : seldom; }

Milliseconds remote_look_delay(std::uint32_t failed_looks) {
  Milliseconds delay = remote_first;
  for (std::uint32_t i = 1; i < failed_looks && delay < remote_limit; ++i) {
    delay *= 2;
  }
  return std::min(delay, remote_limit);
}

}  // namespace rancher_cnode::agent
