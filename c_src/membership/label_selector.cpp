#include "membership/label_selector.hpp"

#include <algorithm>
#include <utility>

#include "membership/membership_impl.hpp"

namespace rancher_cnode::membership {
bool LabelSelector::is_own(const Container& container) const {
  return container.primary_ip == own_ || (!container.ips.empty() && container.ips.front() == own_) ||
         (!own_uuid_.empty() && container.uuid == own_uuid_);
}

void LabelSelector::learn_own(const std::vector<ServiceRead>& reads) {
  for (const auto& read : reads) {
    const auto* const service = std::get_if<Service>(&read.read);
    if (own_labels_ || service == nullptr) {
      continue;
    }
    const auto found =
        std::ranges::find_if(service->containers, [this](const Container& one) { return is_own(one); });
    if (found != service->containers.end()) {
      own_labels_ = found->labels;
      own_uuid_ = found->uuid;
    }
  }
}

bool LabelSelector::fits(const Container& container) const {
  const auto value_in = [](const std::map<std::string, std::string>& labels, const std::string& key) {
    const auto found = labels.find(key);
    return found == labels.end() ? std::nullopt : std::optional(found->second);
  };
  return std::ranges::all_of(rules_, [&](const LabelRule& rule) {
    const auto value = value_in(container.labels, rule.key);
    switch (rule.test) {
      case LabelRule::Test::equal:
        return value == rule.value;
      case LabelRule::Test::not_equal:
        return value != rule.value;
      case LabelRule::Test::present:
        return value.has_value();
      case LabelRule::Test::same:
        return value == value_in(*own_labels_, rule.key);
    }
    return false;
  });
}

void LabelSelector::select(TimePoint now, std::vector<ServiceRead>& reads,
                           std::vector<MembershipFact>& facts) {
  if (rules_.empty()) {
    return;
  }
  if (!own_labels_) {
    learn_own(reads);
  }
  const bool needs_own =
      std::ranges::any_of(rules_, [](const LabelRule& rule) { return rule.test == LabelRule::Test::same; });
  const auto answer = std::ranges::find_if(
      reads, [](const ServiceRead& read) { return std::holds_alternative<Service>(read.read); });
  if (needs_own && !own_labels_ && answer != reads.end()) {
    unlisted_since_ = unlisted_since_.value_or(now);
    if (now - *unlisted_since_ >= unlisted_patience && !std::exchange(unlisted_stated_, true)) {
      facts.emplace_back(own_unlisted(answer->path, own_, std::get<Service>(answer->read)));
    }
  }
  for (auto& read : reads) {
    auto* const service = std::get_if<Service>(&read.read);
    if (service == nullptr) {
      continue;
    }
    if (needs_own && !own_labels_) {
      read.read = FailedRead{"the labels of our own container are not known yet: no service lists it"};
      continue;
    }
    for (auto& container : service->containers) {
      container.selected = is_own(container) || fits(container);
    }
  }
}

}  // namespace rancher_cnode::membership
