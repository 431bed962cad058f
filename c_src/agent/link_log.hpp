// What changed in one target's links, as log lines: one per change, none per list. Used by Target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/log.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/membership/reconciler.hpp"
#include "rancher_cnode/node_name.hpp"

namespace rancher_cnode::agent {

class LinkLog {
 public:
  /// So many leavers are remembered, as many as Membership remembers; the one that was told of first is forgotten
  /// for the next.
  static constexpr std::size_t leaver_limit = 4096;

  /// `log` must outlive this.
  LinkLog(const Log& log, NodeName target) : log_(log), target_(std::move(target)) {}

  void desired(std::shared_ptr<const membership::Desired> desired);
  /// The target told all its links.
  void listed(const std::vector<NodeName>& links);
  /// The target was asked to link itself to peer, and did.
  void linked(const NodeName& peer, Duration took);
  /// Said once per peer until the reason changes or the peer is linked.
  void failed(const NodeName& peer, std::string_view reason);
  /// The leaver was asked to leave. Said once until the outcome changes, however often it comes back, or until
  /// it is a member again.
  void asked_to_leave(const NodeName& leaver, membership::LeaveOutcome outcome, const std::string& detail);
  /// The target has gone: nothing that was known of its links holds any more.
  void forget();

 private:
  /// What was last said of a leaver.
  struct Said {
    std::string what;
    std::uint64_t turn = 0;
  };

  void note_complete();
  void forget_first_leaver();

  const Log& log_;
  const NodeName target_;
  std::shared_ptr<const membership::Desired> desired_ = std::make_shared<const membership::Desired>();
  std::set<NodeName> linked_;  ///< members among the last list
  std::unordered_map<NodeName, std::string> failures_;
  std::unordered_map<NodeName, Said> leaves_;
  std::uint64_t leaves_told_ = 0;
  bool complete_ = false;
};

}  // namespace rancher_cnode::agent
