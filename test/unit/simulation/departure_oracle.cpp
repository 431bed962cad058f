#include "departure_oracle.hpp"

#include <algorithm>

namespace rancher_cnode::simulation {

void DepartureOracle::broken(const std::string& rule, int number) {
  if (broken_.empty()) {
    broken_ = rule + ": " + std::to_string(number);
  }
}

bool DepartureOracle::asks(int number) const {
  return number == self_ || settings_.departed_peers == DepartedPolicy::disconnect;
}

Duration DepartureOracle::longest_wait(int number) const {
  if (number == self_) {
    return Duration::zero();
  }
  return asks(number) ? settings_.disconnect_spread : settings_.departed_patience;
}

/// Metadata names it, or has named it.
bool DepartureOracle::is_of_cluster(int number) const {
  return number != self_ && (wanted_.members.contains(number) || wanted_.departed.contains(number) ||
                             wanted_.suspended.contains(number));
}

void DepartureOracle::look(Peer& peer) const {
  peer.from = step_;
  peer.shown.reset();
  peer.looked_up = peer.settled = false;
}

void DepartureOracle::want(TimePoint now, Wanted wanted) {
  const Wanted before = std::exchange(wanted_, std::move(wanted));
  std::erase_if(peers_, [&](const auto& entry) {
    return !wanted_.departed.contains(entry.first) && !wanted_.suspended.contains(entry.first);
  });
  for (const int number : wanted_.departed) {
    if (before.departed.contains(number)) {
      continue;
    }
    const bool is_watched = peers_.contains(number);
    const bool was_with_us =
        settings_.departed_peers != DepartedPolicy::ignore && up_ && before.members.contains(number);
    if (!is_watched && !was_with_us && number != self_) {
      continue;
    }
    Peer& peer = peers_[number];
    if (!is_watched) {
      peer.since = now;
      look(peer);
    } else if (peer.waits()) {
      look(peer);
    }
    list_wanted_ = true;
  }
}

/// Nothing is known of the connections any more. What was asked of the target itself stays asked.
void DepartureOracle::restart() {
  list_ = {};
  std::erase_if(peers_, [&](const auto& entry) { return entry.first != self_ && entry.second.flight == 0; });
  for (auto& [number, peer] : peers_) {
    if (peer.waits()) {
      look(peer);
    }
  }
}

void DepartureOracle::state(int number, Peer& peer, Departure departure) {
  if (std::exchange(peer.stated, departure) != departure) {
    to_state_.emplace(number, departure);
  }
}

void DepartureOracle::listed(TimePoint now, ActionId id, const std::set<int>& connected) {
  if (id != list_.id) {
    return;
  }
  const List list = std::exchange(list_, {});
  const bool connected_itself =
      std::ranges::any_of(connected, [&](int number) { return is_of_cluster(number); });
  for (auto next = peers_.begin(); next != peers_.end();) {
    const auto current = next++;
    auto& [number, peer] = *current;
    if (list.step < peer.from || peer.flight != 0) {
      continue;
    }
    if (number == self_ ? connected_itself : connected.contains(number)) {
      shows(now, number, peer, list);
      continue;
    }
    if (wanted_.departed.contains(number)) {
      state(number, peer, Departure::disconnected);
    }
    if (number == self_) {
      // What it is connected to from now on it has connected by itself.
      peer.seen_off = true;
      peer.settled = false;
      peer.shown.reset();
    } else {
      peers_.erase(current);
    }
  }
}

void DepartureOracle::shows(TimePoint now, int number, Peer& peer, const List& list) {
  if (!wanted_.departed.contains(number) || peer.settled) {
    return;
  }
  if (peer.seen_off) {
    peer.settled = true;
    return state(number, peer, Departure::still_connected);
  }
  if (!peer.shown) {
    peer.shown = now;
    if (is_random(number)) {
      random_until_ = std::max<TimePoint>(random_until_, now + longest_wait(number));
    } else {
      begun_.insert(now + longest_wait(number));
    }
    return;
  }
  const bool is_last_look = list.at >= *peer.shown + longest_wait(number);
  if (asks(number)) {
    may_ask_.insert(number);
    if (is_last_look) {
      must_ask_.insert(number);
    }
  } else if (is_last_look) {
    peer.settled = true;
    state(number, peer, Departure::still_connected);
  }
}

void DepartureOracle::take(TimePoint now, const event::Disconnected& event) {
  const auto flight = flights_.extract(event.id);
  if (flight.empty()) {
    return broken("had an answer to nothing", self_);
  }
  const auto place = peers_.find(flight.mapped());
  if (place == peers_.end() || place->second.flight != event.id) {
    return;
  }
  Peer& peer = place->second;
  peer.flight = 0;
  peer.seen_off = event.outcome != DisconnectOutcome::withdrawn;
  peer.since = now;
  look(peer);
}

DepartureOracle::Needs DepartureOracle::needs(TimePoint now) {
  Needs result;
  begun_.erase(begun_.begin(), begun_.upper_bound(now));
  for (auto& [number, peer] : peers_) {
    if (!peer.waits() || peer.looked_up) {
      continue;
    }
    const TimePoint due = *peer.shown + longest_wait(number);
    if (is_random(number)) {
      result.may_list = true;
    } else if (due <= now && up_) {
      peer.looked_up = list_wanted_ = true;
    } else if (up_) {
      result.wake = std::min(result.wake, due);
    }
  }
  result.list = std::exchange(list_wanted_, false);
  result.may_wake = begun_;
  result.may_wake_until = random_until_;
  return result;
}

void DepartureOracle::disconnects(TimePoint now, ActionId id, int number) {
  if (!may_ask_.contains(number)) {
    return broken("disconnects without need, or without a last look", number);
  }
  Peer& peer = peers_.at(number);
  peer.flight = id;
  peer.since = now;
  flights_.emplace(id, number);
  if (flights_.size() > settings_.max_disconnects) {
    broken("more than max_disconnects in flight", number);
  }
}

void DepartureOracle::states(int number, const reconciler::fact::Departed& fact) {
  if (to_state_.erase({number, fact.departure}) == 0) {
    broken("states what is not so, or was stated", number);
  }
  if (fact.reason.empty() != (fact.departure == Departure::disconnected)) {
    broken("states no reason for a connection, or one for none", number);
  }
}

std::optional<std::string> DepartureOracle::judge(const Reconciler& after) {
  for (const auto& [number, departure] : to_state_) {
    broken("does not state that a departed peer is " +
               std::string(departure == Departure::disconnected ? "disconnected" : "still connected"),
           number);
  }
  for (const int number : must_ask_) {
    if (peers_.at(number).flight == 0 && flights_.size() < settings_.max_disconnects) {
      broken("does not disconnect a departed peer", number);
    }
  }
  check_reports(after);
  may_ask_.clear();
  must_ask_.clear();
  to_state_.clear();
  ++step_;
  return broken_.empty() ? std::nullopt : std::optional(broken_);
}

void DepartureOracle::check_reports(const Reconciler& after) {
  std::map<NodeName, DepartedView> reported;
  for (const DepartedView& view : after.departed()) {
    reported.emplace(view.node, view);
  }
  for (const auto& [number, peer] : peers_) {
    if (!wanted_.departed.contains(number)) {
      continue;
    }
    const auto view = reported.extract(names_[static_cast<std::size_t>(number)]);
    if (view.empty()) {
      return broken("does not report a departed peer", number);
    }
    const auto state = peer.flight != 0             ? DepartedState::disconnecting
                       : peer.shown || peer.settled ? DepartedState::connected
                                                    : DepartedState::unknown;
    if (view.mapped().state != state) {
      broken("reports a departed peer otherwise", number);
    }
    if (view.mapped().since != peer.since) {
      broken("reports another time of a departed peer", number);
    }
  }
  if (!reported.empty()) {
    broken("reports a departed peer that is none of its business", self_);
  }
}

bool DepartureOracle::is_seen_off(int number) const {
  const auto peer = peers_.find(number);
  return peer == peers_.end() || peer->second.seen_off || peer->second.settled;
}

}  // namespace rancher_cnode::simulation
