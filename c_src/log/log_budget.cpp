#include "log/log_budget.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace rancher_cnode {
namespace {

std::string matter_name(const LoggedEvent& event) {
  static constexpr std::array<std::string_view, 5> keys{"target", "peer", "service", "from", "variable"};
  std::string name = event.event;
  for (const std::string_view key : keys) {
    if (const auto value = event.text(key); !value.empty()) {
      name += ' ';
      name += value;
    }
  }
  return name;
}

}  // namespace

bool LogBudget::take(TimePoint now, const LoggedEvent& event) {
  Matter& matter = matter_of(now, event);
  if (now - matter.last >= quiet) {
    matter.lines = 0;
  }
  matter.last = now;
  if (matter.lines < lines_of_matter) {
    ++matter.lines;
    return true;
  }
  if (left_out_.empty()) {
    left_out_since_ = now;
  }
  ++left_out_[event.event];
  last_left_out_ = matter_name(event);
  return false;
}

LogBudget::Matter& LogBudget::matter_of(TimePoint now, const LoggedEvent& event) {
  std::string name = matter_name(event);
  if (const auto known = matters_.find(name); known != matters_.end()) {
    return known->second;
  }
  if (matters_.size() >= max_matters) {
    std::erase_if(matters_, [now](const auto& each) { return now - each.second.last >= quiet; });
  }
  if (matters_.size() >= max_matters) {
    name = event.event;
  }
  return matters_.try_emplace(std::move(name), Matter{0, now}).first->second;
}

std::optional<LogBudget::Summary> LogBudget::take_summary(TimePoint now) {
  if (left_out_.empty() || now - left_out_since_ < first_summary ||
      (last_summary_ && now - *last_summary_ < summary_interval)) {
    return std::nullopt;
  }
  last_summary_ = now;
  Summary summary;
  for (const auto& [event, lines] : std::exchange(left_out_, {})) {
    summary.lines += lines;
    summary.events += summary.events.empty() ? "" : ", ";
    summary.events += event + ' ' + std::to_string(lines);
  }
  summary.last = std::exchange(last_left_out_, {});
  return summary;
}

}  // namespace rancher_cnode
