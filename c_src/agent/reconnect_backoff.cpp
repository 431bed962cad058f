#include "agent/reconnect_backoff.hpp"

namespace rancher_cnode::agent {
namespace {

constexpr Milliseconds local_booting{50};
constexpr Milliseconds local_absent{250};
constexpr Milliseconds boot_time{10'000};
constexpr Milliseconds external_change_interval{5'000};

}  // namespace

Milliseconds ReconnectBackoff::failed(TimePoint now) {
  const Milliseconds remote = failed_attempts_.next();
  if (locality_ == Locality::local) {
    return now - connecting_since_ < boot_time ? local_booting : local_absent;
  }
  return remote;
}

Milliseconds ReconnectBackoff::refused() { return refusals_.next(); }

void ReconnectBackoff::changed(TimePoint now) {
  if (refusals_.failures() > 0) {
    connecting_since_ = now;
  }
  refusals_.reset();
}

void ReconnectBackoff::stabilized() {
  failed_attempts_.reset();
  refusals_.reset();
  short_connections_.reset();
}

Milliseconds ReconnectBackoff::ended_early(TimePoint now) {
  connecting_since_ = now;
  failed_attempts_.next();
  return short_connections_.next();
}

void ReconnectBackoff::ended(TimePoint now) { connecting_since_ = now; }

bool ReconnectBackoff::on_external_change(TimePoint now) {
  if (last_external_change_ && now < *last_external_change_ + external_change_interval) {
    return false;
  }
  last_external_change_ = now;
  failed_attempts_.reset();
  return true;
}

}  // namespace rancher_cnode::agent
