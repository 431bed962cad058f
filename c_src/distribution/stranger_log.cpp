#include "stranger_log.hpp"

#include <utility>

namespace rancher_cnode::distribution {

void StrangerLog::warn(TimePoint now, std::string_view event, const std::string& from, std::string_view stage,
                       const std::string& reason) {
  if (!is_news(from, reason)) {
    return;
  }
  if (!has_room(now)) {
    ++left_out_;
    return;
  }
  const auto left_out = std::exchange(left_out_, 0);
  constexpr std::string_view message = "a connection to us came to nothing";
  if (left_out > 0) {
    log_.warning(event, message,
                 {{"from", from}, {"stage", stage}, {"reason", reason}, {"left_out", left_out}});
  } else {
    log_.warning(event, message, {{"from", from}, {"stage", stage}, {"reason", reason}});
  }
}

void StrangerLog::forget(const std::string& from) { told_.erase(from); }

bool StrangerLog::is_news(const std::string& from, const std::string& fault) {
  if (!told_.contains(from) && told_.size() >= max_sources_remembered) {
    told_.clear();
  }
  return told_[from].is_news(fault);
}

bool StrangerLog::has_room(TimePoint now) {
  if (now - minute_began_ >= std::chrono::minutes(1)) {
    minute_began_ = now;
    lines_this_minute_ = 0;
  }
  if (lines_this_minute_ >= max_lines_a_minute) {
    return false;
  }
  ++lines_this_minute_;
  return true;
}

}  // namespace rancher_cnode::distribution
