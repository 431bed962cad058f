// What the pace oracle looks at when a step has ended: reports, free slots and the next wake-up.
#include <algorithm>

#include "pace_oracle.hpp"

namespace rancher_cnode::simulation {

PeerState PaceOracle::state_of(const Peer& peer, TimePoint now) const {
  if (peer.connected) {
    return PeerState::connected;
  }
  if (peer.flight != 0 && peer.kind == Kind::inspect) {
    return PeerState::inspecting;
  }
  if (peer.flight != 0) {
    return peer.kind == Kind::probe ? PeerState::probing : PeerState::dialling;
  }
  if (!peer.dialable) {
    return PeerState::held;
  }
  // A wait that ends while the target is away is looked at when it is back: then all start over.
  const bool waits = !peer.fresh && (peer.longest_wait != Duration{} || peer.due > now || !up_);
  return waits ? PeerState::waiting : PeerState::queued;
}

std::optional<std::string> PaceOracle::judge(TimePoint now, const Reconciler& after) {
  if (found_ != 0) {
    broken("does not go on with what its probe has found", found_);
  }
  bring_forward(now);
  check_reports(now, after);
  if (up_ && list_ == 0 && (list_wanted_ || now >= next_list_)) {
    broken("a list is due, and none is asked for");
  }
  check_wake(now, after);
  ++step_;
  found_ = 0;
  list_refused_ = false;
  touched_.clear();
  all_touched_ = false;
  return broken_.empty() ? std::nullopt : std::optional(broken_);
}

void PaceOracle::check_reports(TimePoint now, const Reconciler& after) {
  if (all_touched_) {
    std::size_t members = 0;
    for (int number = 1; number < static_cast<int>(peers_.size()); ++number) {
      if (!peer(number).member) {
        continue;
      }
      ++members;
      check_report(now, number, after.peer(names_[static_cast<std::size_t>(number)]));
    }
    if (after.peers().size() != members) {
      broken("reports peers that are no members");
    }
  } else {
    for (const int number : touched_) {
      const auto view = after.peer(names_[static_cast<std::size_t>(number)]);
      if (peer(number).member) {
        check_report(now, number, view);
      } else if (view) {
        broken("reports a peer that is no member", number);
      }
    }
  }
}

void PaceOracle::check_report(TimePoint now, int number, const std::optional<PeerView>& view) {
  Peer& peer = this->peer(number);
  if (!view) {
    return broken("does not report a peer", number);
  }
  const PeerState state = state_of(peer, now);
  if (view->state != state) {
    return broken(
        "reports " + std::string(to_string(view->state)) + " instead of " + std::string(to_string(state)),
        number);
  }
  if (state != peer.state) {
    peer.since = now;
  }
  peer.state = state;
  // A wait that is over is reported with the time when it began.
  if (state != PeerState::queued && view->since != peer.since) {
    broken("reports another time of its state", number);
  }
  if (view->attempts != peer.attempts) {
    broken("reports " + std::to_string(view->attempts) + " failed attempts instead of " +
               std::to_string(peer.attempts),
           number);
  }
  if (view->next_try.has_value() != (state == PeerState::waiting)) {
    return broken("reports a next attempt exactly when none is planned", number);
  }
  if (state == PeerState::connected && !view->reason.empty()) {
    broken("reports why a connected peer is not", number);
  }
  if (state == PeerState::waiting && view->reason.empty()) {
    broken("does not report why it waits", number);
  }
  if (peer.longest_wait != Duration{} && state == PeerState::waiting) {
    const Duration wait = *view->next_try - now;
    if (wait > peer.longest_wait) {
      broken("waits for too long", number);
    }
    if (wait < peer.longest_wait / 2) {
      broken("does not wait for long enough", number);
    }
    peer.due = peer.drawn = *view->next_try;
    peer.longest_wait = {};
  } else if (state == PeerState::waiting && *view->next_try != peer.due) {
    broken("reports another time of its next attempt", number);
  }
}

/// It must be woken when something is due, and never for nothing.
void PaceOracle::check_wake(TimePoint now, const Reconciler& after) {
  const bool has_slot = may_start() && flights_.size() < settings_.max_dials;
  if (has_slot) {
    fresh_in_a_row_ = 0;  // nobody waits for a turn
  }
  bool all_tried = true;
  TimePoint wake = TimePoint::max();
  if (up_ && list_ == 0) {
    wake = next_list_;
  }
  if (up_) {
    wake = std::min(wake, needs_.wake);
  }
  if (up_ && change_waits_) {
    wake = std::min(wake, next_change_);
  }
  for (int number = 1; number < static_cast<int>(peers_.size()); ++number) {
    const Peer& peer = this->peer(number);
    all_tried = all_tried && (!peer.member || !peer.dialable || peer.tried);
    if (!peer.is_queued()) {
      continue;
    }
    if (has_slot && peer.due <= now) {
      broken("a slot is free while a peer waits for one", number);
    }
    if (up_ && ready_ && peer.due > now) {
      wake = std::min(wake, peer.due);
    }
  }
  const TimePoint planned = after.next_wake();
  if (planned <= now) {
    broken("wants to be woken at once after a step");
  }
  if (planned > wake) {
    broken("wants to be woken too late");
  }
  if (planned < wake && planned > needs_.may_wake_until && !needs_.may_wake.contains(planned)) {
    broken("wants to be woken for nothing");
  }
  if (after.has_synced() != (wanted_known_ && ready_ && all_tried)) {
    broken("is wrong about whether every peer was tried");
  }
}

}  // namespace rancher_cnode::simulation
