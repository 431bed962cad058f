#include "agent/reconnect_backoff.hpp"

#include <algorithm>

namespace rancher_cnode::agent {
namespace {

constexpr Milliseconds local_booting{50};
constexpr Milliseconds local_absent{250};
constexpr Milliseconds boot_time{10'000};
constexpr Milliseconds first{100};
constexpr Milliseconds limit{10'000};
constexpr Milliseconds first_after_refusal{1'000};
constexpr Milliseconds limit_after_refusal{900'000};
constexpr Milliseconds external_change_interval{5'000};

/// `first_delay` after one failure, `factor` times as long with each further one.
Milliseconds growing(Milliseconds first_delay, int factor, std::uint32_t failures, Milliseconds longest) {
  Milliseconds delay = first_delay;
  for (std::uint32_t i = 1; i < failures && delay < longest; ++i) {
    delay *= factor;
  }
  return std::min(delay, longest);
}

}  // namespace

Milliseconds ReconnectBackoff::failed(TimePoint now) {
  ++failed_attempts_;
  if (locality_ == Locality::local) {
    return now - connecting_since_ < boot_time ? local_booting : local_absent;
  }
  return growing(first, 2, failed_attempts_, limit);
}

Milliseconds ReconnectBackoff::refused() {
  return growing(first_after_refusal, 4, ++refusals_, limit_after_refusal);
}

void ReconnectBackoff::changed(TimePoint now) {
  if (refusals_ > 0) {
    connecting_since_ = now;
  }
  refusals_ = 0;
}

void ReconnectBackoff::stabilized() {
  failed_attempts_ = 0;
  refusals_ = 0;
  short_connections_ = 0;
}

Milliseconds ReconnectBackoff::ended_early(TimePoint now) {
  connecting_since_ = now;
  ++failed_attempts_;
  ++short_connections_;
  return growing(first, 2, short_connections_, limit_after_refusal);
}

void ReconnectBackoff::ended(TimePoint now) { connecting_since_ = now; }

bool ReconnectBackoff::on_external_change(TimePoint now) {
  if (last_external_change_ && now < *last_external_change_ + external_change_interval) {
    return false;
  }
  last_external_change_ = now;
  failed_attempts_ = 0;
  return true;
}

}  // namespace rancher_cnode::agent
