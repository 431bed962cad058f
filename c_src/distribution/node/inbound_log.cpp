#include "distribution/node/inbound_log.hpp"

#include <utility>

namespace rancher_cnode::distribution {

void InboundLog::warn(TimePoint now, std::string_view event, const std::string& from, std::string_view stage,
                      const std::string& reason) {
  if (!first_occurrence(from, reason)) {
    return;
  }
  if (!within_limit(now)) {
    ++suppressed_;
    return;
  }
  const auto suppressed = std::exchange(suppressed_, 0);
  constexpr std::string_view message = "inbound connection failed";
  if (suppressed > 0) {
    log_.warning(event, message,
                 {{"from", from}, {"stage", stage}, {"reason", reason}, {"suppressed", suppressed}});
  } else {
    log_.warning(event, message, {{"from", from}, {"stage", stage}, {"reason", reason}});
  }
}

void InboundLog::forget(const std::string& from) { logged_.erase(from); }

bool InboundLog::first_occurrence(const std::string& from, const std::string& fault) {
  if (!logged_.contains(from) && logged_.size() >= max_sources_remembered) {
    logged_.clear();
  }
  return logged_[from].first_occurrence(fault);
}

bool InboundLog::within_limit(TimePoint now) {
  if (now - minute_began_ >= std::chrono::minutes(1)) {
    minute_began_ = now;
    lines_this_minute_ = 0;
  }
  if (lines_this_minute_ >= max_lines_per_minute) {
    return false;
  }
  ++lines_this_minute_;
  return true;
}

}  // namespace rancher_cnode::distribution
