// The facts about the membership, as log lines. Used by the agent.
#pragma once

#include <vector>

#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/membership/membership.hpp"

namespace rancher_cnode::agent {

class MembershipLog {
 public:
  /// `log` must outlive this.
  explicit MembershipLog(const Log& log) : log_(log) {}

  void write(const std::vector<membership::MembershipFact>& facts) const;

 private:
  void write(const membership::fact::PeerListed& fact) const;
  void write(const membership::fact::PeerHeld& fact) const;
  void write(const membership::fact::PeerReleased& fact) const;
  void write(const membership::fact::PeerDeparted& fact) const;
  void write(const membership::fact::PeerForgotten& fact) const;
  void write(const membership::fact::ServiceRemoved& fact) const;
  void write(const membership::fact::ServiceAdded& fact) const;
  void write(const membership::fact::OwnMembershipChanged& fact) const;
  void write(const membership::fact::OwnUnlisted& fact) const;
  void write(const membership::fact::ContainersSkipped& fact) const;
  void write(const membership::fact::MassRemovalGuard& fact) const;

  const Log& log_;
};

}  // namespace rancher_cnode::agent
