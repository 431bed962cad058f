// What the pace oracle holds against the actions: that each is due, and its turn.
#include <algorithm>

#include "pace_oracle.hpp"

namespace rancher_cnode::simulation {

namespace {
constexpr unsigned fresh_turns = 3;  // then it is a retry's turn
}  // namespace

void PaceOracle::lists(TimePoint now, ActionId id) {
  if (!up_) {
    broken("lists although the target is away");
  }
  if (list_ != 0) {
    broken("more than one list in flight");
  }
  if (!needs_.list && !may_list_ && list_refused_) {
    broken("asks again at once for a list that failed");
  }
  if (!may_list_ && !list_wanted_ && now < next_list_) {
    broken("lists without a reason");
  }
  list_ = id;
  list_asked_in_ = step_;
  list_wanted_ = may_list_ = false;
}

void PaceOracle::starts(TimePoint now, ActionId id, int number, Kind kind) {
  bring_forward(now);
  Peer& peer = this->peer(number);
  if (!may_start() || !peer.wants_dial()) {
    broken("starts what it does not want", number);
  }
  if (peer.flight != 0) {
    broken("two actions in flight for one peer", number);
  }
  const bool goes_on = number == std::exchange(found_, 0);
  const Kind last = peer.lost ? Kind::inspect : Kind::dial;
  if (kind != (goes_on || settings_.probe == ProbeMode::off ? last : Kind::probe)) {
    broken("leaves a probe or an inspection out, or makes one too many", number);
  }
  if (!goes_on) {
    check_turn(number, peer, now);
  }
  peer.flight = id;
  peer.kind = kind;
  peer.longest_wait = {};
  peer.state = state_of(peer, now);
  peer.since = now;
  touched_.insert(number);
  flights_.emplace(id, Flight{number, kind});
  if (flights_.size() > settings_.max_dials) {
    broken("more than max_dials probes and dials in flight");
  }
}

/// First come, first served; new ones before retries, but every fourth turn is a retry's.
void PaceOracle::check_turn(int number, const Peer& peer, TimePoint now) {
  if (peer.longest_wait != Duration{} || peer.due > now) {
    return broken("starts before its time", number);
  }
  bool fresh_is_due = false;
  bool retry_is_due = false;
  for (const Peer& other : peers_) {
    if (!other.is_queued() || other.longest_wait != Duration{} || other.due > now) {
      continue;
    }
    (other.fresh ? fresh_is_due : retry_is_due) = true;
    if (other.fresh != peer.fresh) {
      continue;
    }
    const bool overtaken = peer.fresh
                               ? other.queued_in < peer.queued_in
                               : other.due < peer.due || (other.due == peer.due && other.drawn < peer.drawn &&
                                                          peer.drawn != TimePoint::max());
    if (overtaken) {
      broken("overtakes one that was due before", number);
    }
  }
  if (peer.fresh && retry_is_due && fresh_in_a_row_ >= fresh_turns) {
    broken("no retry has its turn", number);
  }
  if (!peer.fresh && fresh_is_due && fresh_in_a_row_ < fresh_turns) {
    broken("a retry before a new peer", number);
  }
  fresh_in_a_row_ = peer.fresh ? fresh_in_a_row_ + 1 : 0;
}

/// An external change makes all that wait due, at most once in its interval. Later ones are kept for that
/// time.
void PaceOracle::bring_forward(TimePoint now) {
  if (!up_ || !change_waits_ || now < next_change_) {
    return;
  }
  change_waits_ = false;
  next_change_ = now + settings_.change_interval;
  ++changes_;
  for (Peer& peer : peers_) {
    if (!peer.is_queued() || peer.fresh) {
      continue;
    }
    if (peer.longest_wait != Duration{}) {
      // It was drawn in this very step, and no report shows it.
      peer.drawn = TimePoint::max();
      peer.due = now;
      peer.longest_wait = {};
    }
    peer.due = std::min(peer.due, now);
  }
}

}  // namespace rancher_cnode::simulation
