// What changed in one target's links, as log lines: one per change, none per list. Used by Target.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::agent {

class LinkLog {
 public:
  /// `log` must outlive this.
  LinkLog(const Log& log, NodeName target) : log_(log), target_(std::move(target)) {}

  void desired(std::shared_ptr<const membership::Desired> desired);
  /// The target's connections, as it listed them. The list may be older than a connection, so a peer that it lacks is
  /// lost only if `connected`, which knows the reconciler's judgement, says so.
  void listed(const std::vector<NodeName>& links, const std::function<bool(const NodeName&)>& connected);
  /// The target was asked to link itself to peer, and did.
  void linked(const NodeName& peer, Duration took);
  /// Said once per peer until the reason changes or the peer is linked.
  void failed(const NodeName& peer, std::string_view reason);
  /// The peer was away and still held old connections; it has given them up.
  void refreshed(const NodeName& peer);
  /// What became of a departed peer, or of the target that has departed itself.
  void departed(const membership::Fact& fact);
  /// It was to be disconnected; `detail` says what was called, or why nothing was.
  void disconnect_requested(const NodeName& departed, membership::DisconnectOutcome outcome,
                            const std::string& detail);
  /// The target has gone: nothing that was known of its links holds any more.
  void forget();

 private:
  void note_complete();

  const Log& log_;
  const NodeName target_;
  std::shared_ptr<const membership::Desired> desired_ = std::make_shared<const membership::Desired>();
  std::set<NodeName> linked_;  ///< members among the last list
  std::unordered_map<NodeName, std::string> failures_;
  bool complete_ = false;
};

}  // namespace rancher_cnode::agent
