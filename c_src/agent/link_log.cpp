#include "agent/link_log.hpp"

#include <algorithm>
#include <utility>

namespace rancher_cnode::agent {

void LinkLog::desired(std::shared_ptr<const membership::Desired> desired) {
  desired_ = std::move(desired);
  std::erase_if(failures_, [this](const auto& entry) { return !desired_->dialable.contains(entry.first); });
}

void LinkLog::listed(const std::vector<NodeName>& links,
                     const std::function<bool(const NodeName&)>& connected) {
  std::set<NodeName> now;
  for (const auto& link : links) {
    if (desired_->members.contains(link)) {
      now.insert(link);
    }
  }
  for (const auto& peer : linked_) {
    if (!now.contains(peer) && desired_->members.contains(peer) && connected(peer)) {
      now.insert(peer);
    }
  }
  for (const auto& peer : now) {
    if (!linked_.contains(peer)) {
      failures_.erase(peer);
      log_.info("peer_connected", "", {{"target", target_.str()}, {"peer", peer.str()}});
    }
  }
  for (const auto& peer : linked_) {
    // Members that may not be dialled are stopped or missing: they are meant to go.
    if (!now.contains(peer) && desired_->dialable.contains(peer)) {
      log_.warning("peer_lost", "the link between the two BEAMs has gone",
                   {{"target", target_.str()}, {"peer", peer.str()}});
    }
  }
  linked_ = std::move(now);
  note_complete();
}

void LinkLog::note_complete() {
  const auto& wanted = desired_->dialable;
  const bool complete =
      !wanted.empty() && std::all_of(wanted.begin(), wanted.end(), [this](const NodeName& peer) {
        return peer == target_ || linked_.contains(peer);
      });
  if (!std::exchange(complete_, complete) && complete) {
    log_.info("cluster_completed", "every peer that may be dialled is linked",
              {{"target", target_.str()}, {"peers", linked_.size()}});
  }
}

void LinkLog::linked(const NodeName& peer, Duration took) {
  failures_.erase(peer);
  if (linked_.insert(peer).second) {
    log_.info("peer_connected", "",
              {{"target", target_.str()},
               {"peer", peer.str()},
               {"took_ms", std::chrono::duration_cast<Milliseconds>(took).count()}});
  }
}

void LinkLog::failed(const NodeName& peer, std::string_view reason) {
  std::string& known = failures_[peer];
  if (known != reason) {
    known = reason;
    log_.warning("peer_unreachable", reason, {{"target", target_.str()}, {"peer", peer.str()}});
  }
}

void LinkLog::refreshed(const NodeName& peer) {
  log_.info("peer_refreshed",
            "it was away and still held a connection that the BEAM had lost; it gave its connections up",
            {{"target", target_.str()}, {"peer", peer.str()}});
}

void LinkLog::departed(const membership::Fact& fact) {
  const bool own = fact.peer == target_;
  if (fact.departure == membership::Departure::disconnected) {
    if (own) {
      log_.info("departed_target_disconnected", "it is connected to no node of the service any more",
                {{"target", target_.str()}});
    } else {
      log_.info("departed_peer_disconnected", "the BEAM is not connected to it any more",
                {{"target", target_.str()}, {"peer", fact.peer.str()}});
    }
  } else if (own) {
    log_.warning("departed_target_connected",
                 "it is left connected; to part it from the cluster, stop its container",
                 {{"target", target_.str()}, {"reason", fact.reason}});
  } else {
    log_.warning("departed_peer_connected",
                 "it is left connected; to part it from the cluster, stop its container",
                 {{"target", target_.str()}, {"peer", fact.peer.str()}, {"reason", fact.reason}});
  }
}

void LinkLog::disconnect_requested(const NodeName& departed, membership::DisconnectOutcome outcome,
                                   const std::string& detail) {
  using membership::DisconnectOutcome;
  if (outcome == DisconnectOutcome::withdrawn) {
    return;
  }
  log_.write(
      outcome == DisconnectOutcome::done ? LogLevel::info : LogLevel::warning, "disconnect_requested", detail,
      {{"target", target_.str()}, {"peer", departed.str()}, {"outcome", membership::to_string(outcome)}});
}

void LinkLog::forget() {
  linked_.clear();
  failures_.clear();
  complete_ = false;
}

}  // namespace rancher_cnode::agent
