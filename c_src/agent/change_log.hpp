// What changed in the membership, as log lines: one per change, none per read. Used by the agent.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/membership/membership.hpp"

namespace rancher_cnode::agent {

class ChangeLog {
 public:
  /// `log` must outlive this.
  explicit ChangeLog(const Log& log) : log_(log) {}

  /// To be called after every read, with its time and scope.
  void note(TimePoint now, membership::ReadScope scope, const membership::Membership& membership);

 private:
  void note_peers(const membership::Desired& before, const membership::Desired& after);
  void note_held(const std::vector<membership::MemberView>& member_views);
  void note_own(membership::OwnMembership own);
  void note_unlisted(TimePoint now, membership::ReadScope scope, const membership::MembershipView& view);
  void note_mass_hold(const std::optional<membership::MassRemovalGuardView>& hold);
  void note_dropped(const membership::DropCounts& dropped);

  const Log& log_;
  std::shared_ptr<const membership::Desired> desired_ = std::make_shared<const membership::Desired>();
  std::map<NodeName, std::string> not_dialled_;  ///< members that were told as held, and why
  membership::OwnMembership own_ = membership::OwnMembership::unknown;
  membership::DropCounts dropped_{};
  bool mass_held_ = false;
  std::optional<TimePoint> unlisted_since_;  ///< the first good read of our own service, while none lists us
  bool unlisted_told_ = false;
};

}  // namespace rancher_cnode::agent
