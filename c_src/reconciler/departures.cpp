#include "reconciler/departures.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace rancher_cnode::reconciler {
namespace {

constexpr std::string_view unconfirmed = "no C-node at its address confirms that it has departed";
constexpr std::string_view returned_by_itself = "it has connected again by itself";

std::string_view words(DisconnectOutcome outcome) {
  switch (outcome) {
    case DisconnectOutcome::done:
      return "it was disconnected and has connected again, or another node has connected it";
    case DisconnectOutcome::withdrawn:
      return {};
    case DisconnectOutcome::claimed:
      return "a C-node at its address claims it";
    case DisconnectOutcome::unreachable:
      return "it cannot be reached: the nodes that are connected to it will notice by themselves";
    case DisconnectOutcome::unsupported:
      return "it cannot be disconnected without harm to the others: its OTP release has no "
             "global:disconnect/0";
    case DisconnectOutcome::failed:
      return "the call that disconnects it failed";
  }
  return {};
}

}  // namespace

std::string_view to_string(DisconnectOutcome outcome) {
  switch (outcome) {
    case DisconnectOutcome::done:
      return "done";
    case DisconnectOutcome::withdrawn:
      return "withdrawn";
    case DisconnectOutcome::claimed:
      return "claimed";
    case DisconnectOutcome::unreachable:
      return "unreachable";
    case DisconnectOutcome::unsupported:
      return "unsupported";
    case DisconnectOutcome::failed:
      return "failed";
  }
  return "unknown";
}

Departures::Departures(const ReconcilerSettings& settings, ActionIds& ids, Random& random,
                       ReconcilerCounters& counters, std::vector<ConnectionFact>& facts)
    : settings_(settings), ids_(ids), random_(random), counters_(counters), facts_(facts) {}

/// Whether it is to be asked, rather than reported.
bool Departures::is_asked(const NodeName& name) const {
  if (name == settings_.target) {
    return true;
  }
  // Once our own container has departed, the others are none of our business.
  return settings_.departed_peers == DepartedPolicy::disconnect &&
         desired_->own != membership::OwnMembership::removed;
}

/// Metadata names it, or has named it.
bool Departures::is_of_cluster(const NodeName& name) const {
  return name != settings_.target &&
         (desired_->members.contains(name) || is_departed(name) || desired_->suspended.contains(name));
}

/// Whether it departed now, and is ours to see off.
bool Departures::concerns(const NodeName& name, const membership::Desired& before) const {
  if (name == settings_.target) {
    return true;
  }
  return settings_.departed_peers != DepartedPolicy::ignore && target_ == TargetIs::up &&
         before.members.contains(name);
}

void Departures::look(Entry& entry) const {
  entry.phase = Phase::looking;
  entry.judged_from = ids_.next();
}

bool Departures::take_desired(TimePoint now, std::shared_ptr<const membership::Desired> desired) {
  const auto before = std::exchange(desired_, std::move(desired));
  std::erase_if(entries_, [&](const auto& entry) {
    return !is_departed(entry.first) && !desired_->suspended.contains(entry.first);
  });
  bool list_wanted = false;
  for (const NodeName& name : desired_->departed) {
    if (before->departed.contains(name)) {
      continue;
    }
    auto place = entries_.find(name);
    if (place == entries_.end()) {
      if (!concerns(name, *before)) {
        continue;
      }
      place = entries_.try_emplace(name).first;
      place->second.since = now;
      look(place->second);
    } else if (place->second.phase == Phase::waiting || place->second.phase == Phase::last_look) {
      look(place->second);  // the time in which nothing confirmed it does not count
    }
    list_wanted = true;
  }
  return list_wanted;
}

void Departures::restart(TargetIs target) {
  target_ = target;
  next_due_ = TimePoint::max();
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.first != settings_.target && entry.second.phase != Phase::asking;
  });
  for (auto& [name, entry] : entries_) {
    if (entry.phase == Phase::waiting || entry.phase == Phase::last_look) {
      look(entry);
    }
  }
}

void Departures::state(const NodeName& name, Entry& entry, Departure departure) {
  if (std::exchange(entry.stated, departure) == departure) {
    return;
  }
  const bool is_disconnected = departure == Departure::disconnected;
  facts_.emplace_back(fact::Departed{name, departure, is_disconnected ? std::string_view() : entry.reason});
}

void Departures::take_connections(TimePoint now, ActionId listed, const std::vector<NodeName>& connections,
                                  std::vector<Action>& actions) {
  if (entries_.empty()) {
    return;
  }
  std::unordered_set<NodeName> shown;
  for (const NodeName& connection : connections) {
    if (entries_.contains(connection)) {
      shown.insert(connection);
    }
    if (is_of_cluster(connection)) {
      shown.insert(settings_.target);
    }
  }
  for (auto next = entries_.begin(); next != entries_.end();) {
    const auto current = next++;
    Entry& entry = current->second;
    if (entry.judged_from > listed || entry.phase == Phase::asking) {
      continue;
    }
    if (shown.contains(current->first)) {
      connected(now, listed, current, actions);
      continue;
    }
    if (is_departed(current->first)) {
      state(current->first, entry, Departure::disconnected);
    }
    // The target's own entry stays, so that it is not asked again if it connects by itself.
    if (current->first != settings_.target) {
      entries_.erase(current);
    } else {
      entry.phase = Phase::looking;
      entry.done = true;
      entry.reason = returned_by_itself;
    }
  }
}

/// Others are asked after a random while, so that the C-nodes of a cluster do not ask all at once.
Duration Departures::wait_before(const NodeName& name) {
  if (name == settings_.target) {
    return Duration::zero();
  }
  if (!is_asked(name)) {
    return settings_.departed_patience;
  }
  return random_.between(Duration::zero(), settings_.disconnect_spread);
}

void Departures::connected(TimePoint now, ActionId listed, Entries::iterator place,
                           std::vector<Action>& actions) {
  auto& [name, entry] = *place;
  if (!is_departed(name)) {
    return;
  }
  if (entry.phase == Phase::last_look) {
    if (entry.last_look_from <= listed) {
      act(now, name, entry, actions);
    }
  } else if (entry.phase == Phase::looking && entry.done) {
    entry.phase = Phase::settled;
    state(name, entry, Departure::still_connected);
  } else if (entry.phase == Phase::looking) {
    entry.phase = Phase::waiting;
    entry.due = now + wait_before(name);
    next_due_ = std::min(next_due_, entry.due);
  }
}

/// The last look shows it.
void Departures::act(TimePoint now, const NodeName& name, Entry& entry, std::vector<Action>& actions) {
  if (!is_asked(name)) {
    entry.phase = Phase::settled;
    entry.reason = unconfirmed;
    state(name, entry, Departure::still_connected);
    return;
  }
  if (flights_.size() >= settings_.max_disconnects) {
    return;  // the next list is its last look
  }
  entry.phase = Phase::asking;
  entry.since = now;
  entry.flight = ids_.take();
  ++counters_.disconnects;
  flights_.emplace(entry.flight, name);
  actions.emplace_back(action::Disconnect{entry.flight, name});
}

bool Departures::wait_is_over(TimePoint now) {
  if (now < next_due_) {
    return false;
  }
  bool over = false;
  next_due_ = TimePoint::max();
  for (auto& [name, entry] : entries_) {
    if (entry.phase != Phase::waiting) {
      continue;
    }
    if (entry.due > now) {
      next_due_ = std::min(next_due_, entry.due);
      continue;
    }
    entry.phase = Phase::last_look;
    entry.last_look_from = ids_.next();
    over = true;
  }
  return over;
}

void Departures::take_disconnect(TimePoint now, ActionId id, DisconnectOutcome outcome) {
  if (outcome != DisconnectOutcome::done) {
    ++counters_.disconnects_failed;
  }
  const auto flight = flights_.extract(id);
  const auto place = flight.empty() ? entries_.end() : entries_.find(flight.mapped());
  if (place == entries_.end() || place->second.flight != id) {
    ++counters_.stale_answers;
    return;
  }
  Entry& entry = place->second;
  entry.flight = 0;
  entry.done = outcome != DisconnectOutcome::withdrawn;
  entry.reason = words(outcome);
  entry.since = now;
  look(entry);
}

std::vector<DepartedView> Departures::views() const {
  std::vector<DepartedView> result;
  for (const auto& [name, entry] : entries_) {
    if (!is_departed(name)) {
      continue;
    }
    const auto state = entry.phase == Phase::asking    ? DepartedState::disconnecting
                       : entry.phase == Phase::looking ? DepartedState::unknown
                                                       : DepartedState::connected;
    result.push_back({name, state, entry.reason, entry.since});
  }
  return result;
}

}  // namespace rancher_cnode::reconciler
