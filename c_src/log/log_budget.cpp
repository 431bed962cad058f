#include "log/log_budget.hpp"

#include <algorithm>
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
  OfEvent& budget = budgets_[{event.event, event.level}];
  std::string name = matter_name(event);
  if (Matter* const matter = matter_of(now, budget, name); matter != nullptr) {
    if (now - matter->last >= quiet) {
      matter->lines = 0;
    }
    matter->last = now;
    if (matter->lines < lines_of_matter) {
      ++matter->lines;
      return true;
    }
  }
  if (!budget.left_out) {
    budget.left_out = LeftOut{.lines = 0, .example = {}, .since = now};
  }
  ++budget.left_out->lines;
  budget.left_out->example = std::move(name);
  return false;
}

/// nullptr: it is one too many.
LogBudget::Matter* LogBudget::matter_of(TimePoint now, OfEvent& budget, const std::string& name) {
  auto& matters = budget.matters;
  if (const auto known = matters.find(name); known != matters.end()) {
    return &known->second;
  }
  const bool full = budget.further && now - *budget.further < quiet;
  if (!full && matters.size() >= matters_of_event) {
    std::erase_if(matters, [now](const auto& each) { return now - each.second.last >= quiet; });
  }
  if (full || matters.size() >= matters_of_event) {
    budget.further = now;
    return nullptr;
  }
  return &matters.try_emplace(name, Matter{0, now}).first->second;
}

bool LogBudget::is_due(TimePoint now, const OfEvent& budget) {
  return budget.left_out && now - budget.left_out->since >= first_summary &&
         (!budget.summary || now - *budget.summary >= summary_interval);
}

std::optional<LogBudget::Summary> LogBudget::take_summary(TimePoint now) {
  if (std::ranges::none_of(budgets_, [now](const auto& each) { return is_due(now, each.second); })) {
    return std::nullopt;
  }
  Summary summary;
  std::map<std::string, std::int64_t> events;
  const auto append = [](std::string& list, const std::string& what) {
    list += (list.empty() ? "" : ", ") + what;
  };
  for (auto& [key, budget] : budgets_) {
    if (budget.left_out) {
      summary.lines += budget.left_out->lines;
      events[key.first] += budget.left_out->lines;
      append(summary.examples, budget.left_out->example);
      budget.left_out.reset();
      budget.further.reset();
      budget.summary = now;
    }
  }
  for (const auto& [event, lines] : events) {
    append(summary.events, event + ' ' + std::to_string(lines));
  }
  return summary;
}

}  // namespace rancher_cnode
