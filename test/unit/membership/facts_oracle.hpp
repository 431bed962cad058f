// Replays the facts that one C-node states: they must add up to what it reports, and none is stated twice.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "rancher_cnode/membership/reconciler.hpp"

namespace rancher_cnode::membership::simulation {

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

 private:
  void take(const fact::Connected& fact) {
    check(connected_.insert(fact.peer).second, "states a connection twice");
    failed_.erase(fact.peer);
  }
  void take(const fact::Lost& fact) { disconnected(fact.peer); }
  void take(const fact::Forgotten& fact) { disconnected(fact.peer); }
  void take(const fact::AttemptFailed& fact) {
    check(!connected_.contains(fact.peer), "states a failed attempt to connect a peer that is connected");
    check(std::exchange(failed_[fact.peer], fact.reason) != fact.reason, "states a failed attempt twice");
  }
  void take(const fact::Refreshed&) {}
  void take(const fact::Completed& fact) {
    check(fact.peers == connected_.size(), "counts the connected peers otherwise when they are complete");
  }
  void take(const fact::Departed&) {}

  void disconnected(const NodeName& peer) {
    check(connected_.erase(peer) == 1, "states the loss of a peer that was not connected");
  }
  void check(bool holds, const char* rule) {
    if (!holds && !broken_) {
      broken_ = rule;
    }
  }

  std::set<NodeName> connected_;
  std::map<NodeName, std::string> failed_;
  std::optional<std::string> broken_;
};

}  // namespace rancher_cnode::membership::simulation
