#include "link_log.hpp"

#include <algorithm>
#include <utility>

namespace rancher_cnode::agent {

void LinkLog::desired(std::shared_ptr<const membership::Desired> desired) {
  desired_ = std::move(desired);
  std::erase_if(failures_, [this](const auto& entry) { return !desired_->dialable.contains(entry.first); });
  // Not when it is no leaver: a read that tells nothing withdraws all leavers until the next that does.
  std::erase_if(leaves_, [this](const auto& entry) { return desired_->members.contains(entry.first); });
}

void LinkLog::listed(const std::vector<NodeName>& links) {
  std::set<NodeName> now;
  for (const auto& link : links) {
    if (desired_->members.contains(link)) {
      now.insert(link);
    }
  }
  for (const auto& peer : now) {
    if (!linked_.contains(peer)) {
      failures_.erase(peer);
      log_.info("peer_linked", "", {{"target", target_.str()}, {"peer", peer.str()}});
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
    log_.info("cluster_complete", "every peer that may be dialled is linked",
              {{"target", target_.str()}, {"peers", linked_.size()}});
  }
}

void LinkLog::linked(const NodeName& peer, Duration took) {
  failures_.erase(peer);
  if (linked_.insert(peer).second) {
    log_.info("peer_linked", "",
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

void LinkLog::asked_to_leave(const NodeName& leaver, membership::LeaveOutcome outcome,
                             const std::string& detail) {
  using membership::LeaveOutcome;
  // Only a failure's reason tells something new; the links that went, or the way to a dead host, may differ
  // each time.
  const std::string saying = outcome == LeaveOutcome::failed ? detail
                             : outcome == LeaveOutcome::done ? "done"
                                                             : "unreachable";
  const auto [said, is_new] = leaves_.try_emplace(leaver);
  if (!is_new && said->second.what == saying) {
    return;
  }
  said->second.what = saying;
  if (is_new) {
    said->second.turn = ++leaves_told_;
    forget_first_leaver();
  }
  const bool done = outcome == LeaveOutcome::done;
  log_.write(done ? LogLevel::info : LogLevel::warning, done ? "peer_asked_to_leave" : "peer_does_not_leave",
             detail, {{"target", target_.str()}, {"peer", leaver.str()}});
}

void LinkLog::forget_first_leaver() {
  if (leaves_.size() > leaver_limit) {
    leaves_.erase(std::ranges::min_element(leaves_, {}, [](const auto& entry) { return entry.second.turn; }));
  }
}

void LinkLog::forget() {
  linked_.clear();
  failures_.clear();
  complete_ = false;
}

}  // namespace rancher_cnode::agent
