// Replays the facts that one C-node states: they must add up to what it reports, and none is stated twice.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::simulation {

using namespace membership;
using namespace reconciler;

class FactsOracle {
 public:
  /// The end of a step. Nothing, or the rule that it broke, in words.
  [[nodiscard]] std::optional<std::string> judge(const Event& event, const Step& step,
                                                 const Reconciler& after) {
    if (const auto* changed = std::get_if<event::DesiredChanged>(&event)) {
      std::erase_if(failed_,
                    [&](const auto& entry) { return !changed->desired->dialable.contains(entry.first); });
    } else if (std::holds_alternative<event::TargetUp>(event) ||
               std::holds_alternative<event::TargetDown>(event)) {
      failed_.clear();
    }
    for (const ConnectionFact& fact : step.facts) {
      std::visit([this](const auto& what) { take(what); }, fact);
    }
    check(after.connected_peers() == connected_.size(), "has other connected peers than its facts say");
    if (!step.facts.empty()) {
      for (const NodeName& name : connected_) {
        const auto view = after.peer(name);
        check(view && view->state == PeerState::connected,
              "does not report a peer that it stated as connected");
      }
    }
    return broken_;
  }

  /// The same after a read.
  [[nodiscard]] std::optional<std::string> judge(const std::vector<MembershipFact>& facts,
                                                 const Membership& after) {
    for (const MembershipFact& fact : facts) {
      std::visit([this](const auto& what) { take(what); }, fact);
    }
    const Desired& desired = *after.desired();
    check(desired.members == members_, "has other members than its facts say");
    std::set<NodeName> dialable = members_;
    std::erase_if(dialable, [this](const NodeName& name) { return held_.contains(name); });
    check(desired.dialable == dialable, "has other dialable members than its facts say");
    check(desired.own == own_, "has another own membership than its facts say");
    check(after.view().mass_removal_guard.has_value() == guard_on_, "has another guard than its facts say");
    return broken_;
  }

 private:
  void take(const membership::fact::PeerListed& fact) {
    check(members_.insert(fact.peer).second, "states a listed peer twice");
  }
  void take(const membership::fact::PeerHeld& fact) {
    check(members_.contains(fact.peer), "states that it holds a peer that is no member");
    check(!fact.reason.empty() && std::exchange(held_[fact.peer], fact.reason) != fact.reason,
          "states a held peer twice, or without a reason");
  }
  void take(const membership::fact::PeerReleased& fact) {
    check(held_.erase(fact.peer) == 1, "states the release of a peer that was not held");
  }
  void take(const membership::fact::PeerDeparted& fact) { removed(fact.peer); }
  void take(const membership::fact::PeerForgotten& fact) { removed(fact.peer); }
  void take(const membership::fact::ServiceRemoved&) { check(false, "states another set of services"); }
  void take(const membership::fact::ServiceAdded&) { check(false, "states another set of services"); }
  void take(const membership::fact::OwnMembershipChanged& fact) {
    check(fact.before == own_ && fact.after != own_,
          "states another own membership before, or no change of it");
    own_ = fact.after;
  }
  void take(const membership::fact::OwnUnlisted&) {
    check(own_ == OwnMembership::unknown && !std::exchange(unlisted_, true),
          "states twice that we are unlisted");
  }
  void take(const membership::fact::ContainersSkipped& fact) {
    auto& stated = skipped_[fact.reason];
    check(std::exchange(stated, fact.containers.count) != fact.containers.count,
          "states twice how many containers it skipped");
  }
  void take(const membership::fact::MassRemovalGuard& fact) {
    check(fact.on.has_value() != std::exchange(guard_on_, fact.on.has_value()), "states the guard twice");
  }
  void removed(const NodeName& peer) {
    check(members_.erase(peer) == 1, "states the removal of a peer that is no member");
    held_.erase(peer);
  }

  void take(const reconciler::fact::Connected& fact) {
    check(connected_.insert(fact.peer).second, "states a connection twice");
    failed_.erase(fact.peer);
  }
  void take(const reconciler::fact::Lost& fact) { disconnected(fact.peer); }
  void take(const reconciler::fact::Forgotten& fact) { disconnected(fact.peer); }
  void take(const reconciler::fact::AttemptFailed& fact) {
    check(!connected_.contains(fact.peer), "states a failed attempt to connect a peer that is connected");
    check(std::exchange(failed_[fact.peer], fact.reason) != fact.reason, "states a failed attempt twice");
  }
  void take(const reconciler::fact::Refreshed&) {}
  void take(const reconciler::fact::Completed& fact) {
    check(fact.peers == connected_.size(), "counts the connected peers otherwise when they are complete");
  }
  void take(const reconciler::fact::Departed&) {}

  void disconnected(const NodeName& peer) {
    check(connected_.erase(peer) == 1, "states the loss of a peer that was not connected");
  }
  void check(bool holds, const char* rule) {
    if (!holds && !broken_) {
      broken_ = rule;
    }
  }

  std::set<NodeName> members_;
  std::map<NodeName, std::string> held_;
  OwnMembership own_ = OwnMembership::unknown;
  bool unlisted_ = false;
  std::map<membership::DropReason, std::size_t> skipped_;
  bool guard_on_ = false;
  std::set<NodeName> connected_;
  std::map<NodeName, std::string> failed_;
  std::optional<std::string> broken_;
};

}  // namespace rancher_cnode::simulation
