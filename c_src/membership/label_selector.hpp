// Marks the containers whose labels fit, before a service is judged. Used by Memberships.
//
// Our own container always fits. It is known by its address, and from then on by its uuid, so that it fits
// while it has no address, too. Its labels do not change.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/policy.hpp"
#include "rancher_cnode/membership/membership.hpp"

namespace rancher_cnode::membership {

class LabelSelector {
 public:
  LabelSelector(Ipv4Address own, std::vector<LabelRule> rules)
      : own_(own.to_string()), rules_(std::move(rules)) {}

  /// A read is a failed one as long as our own labels are needed and not known. If nobody lists our own
  /// container then, the first service is named.
  void select(TimePoint now, std::vector<ServiceRead>& reads, std::vector<MembershipFact>& facts);

 private:
  void learn_own(const std::vector<ServiceRead>& reads);
  [[nodiscard]] bool is_own(const Container& container) const;
  [[nodiscard]] bool fits(const Container& container) const;

  const std::string own_;
  const std::vector<LabelRule> rules_;
  std::optional<std::map<std::string, std::string>> own_labels_;  ///< nothing: not known yet
  std::string own_uuid_;                                          ///< "" = not known yet
  std::optional<TimePoint> unlisted_since_;  ///< our own labels are needed, and nobody lists us
  bool unlisted_stated_ = false;
};

}  // namespace rancher_cnode::membership
