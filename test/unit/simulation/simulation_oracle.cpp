#include "simulation_oracle.hpp"

#include <algorithm>
#include <chrono>

namespace rancher_cnode::simulation {

namespace {
// Between reads while something waits for them: doubles while they tell nothing.
constexpr std::chrono::seconds shortest_pause{1};
constexpr std::chrono::seconds longest_pause{5};
constexpr const char* stopped = "state is stopped";
}  // namespace

void Oracle::take(TimePoint now, const Answer& answer) {
  const std::set<int> before = confirmed();
  // Answers are evidence for the time between them if each could remove, and they follow one another closely.
  const bool close = now - last_read_ <= 2 * rules_.reading_interval;
  const bool covers_others = close && others_confirmed_;
  const bool covers_own = close && last_was_full_;
  last_read_ = now;
  ++told_nothing_;
  others_confirmed_ = own_confirmed_ = last_was_full_ = false;
  if (!answer.listing) {
    ++failed_reads_;
  }
  if (answer.listing && answer.listing->empty()) {
    ++partial_reads_;
  }
  if (answer.listing && !answer.listing->empty()) {
    const std::set<int> missing = missing_from(*answer.listing);
    last_was_full_ = answer.authority == Authority::full;
    const OwnMembership own_before = own_;
    take_own(now, missing, covers_own);
    take_listed(now, *answer.listing);
    if (own_ != own_before) {
      own_since_ = now;
    }
    const bool alone = scope_ == ReadScope::named && own_ == OwnMembership::unknown;
    others_confirmed_ = last_was_full_ && (alone || own_ == OwnMembership::listed);
    own_confirmed_ = last_was_full_ && own_ == OwnMembership::removed;
    if (others_confirmed_ || (last_was_full_ && own_ != OwnMembership::unknown)) {
      told_nothing_ = 0;
    }
    ++(others_confirmed_ ? whole_reads_ : partial_reads_);
    if (others_confirmed_) {
      take_missing(now, missing, covers_others);
    }
    take_states(now);
    take_guard(now);
  }
  remember_confirmed(now, before);
}

std::set<int> Oracle::confirmed() const {
  std::set<int> result;
  for (const auto& [number, departed] : departed_) {
    if (others_confirmed_) {
      result.insert(number);
    }
  }
  if (own_confirmed_) {
    result.insert(self_);
  }
  return result;
}

void Oracle::remember_confirmed(TimePoint now, const std::set<int>& before) {
  for (const int number : before) {
    confirmed_until_[number] = now;
  }
  for (const int number : confirmed()) {
    confirmed_until_.erase(number);
  }
}

/// A container that is listed without its address is not missing, if it is the one that the peer was.
std::set<int> Oracle::missing_from(const Listing& listing) const {
  std::set<int> result;
  for (const auto& [number, peer] : peers_) {
    const auto entry = listing.find(number);
    const bool listed = entry != listing.end() && (entry->second.has_address || entry->second.sidekick ||
                                                   entry->second.uuid == peer.uuid);
    if (!listed) {
      result.insert(number);
    }
  }
  return result;
}

std::string Oracle::hold_of(const Entry& entry) const {
  if (!entry.up) {
    return stopped;
  }
  return entry.healthy || rules_.health == HealthPolicy::any ? "" : "health is unhealthy";
}

void Oracle::take_listed(TimePoint now, const Listing& listing) {
  const bool is_first = !std::exchange(has_answers_, true);
  for (const auto& [number, entry] : listing) {
    const auto known = peers_.find(number);
    // One that is listed without its address keeps its peer, also from a sidekick that has the address.
    const bool lost_address = !entry.has_address && known != peers_.end() && known->second.uuid == entry.uuid;
    if (!entry.has_address && !entry.sidekick) {
      if (!lost_address) {
        continue;
      }
      known->second.dialable = false;
      known->second.hold = "listed, but without a usable address for now";
      known->second.missing.reset();
      continue;
    }
    // Of two at one address it is the first that may be dialled, else the first.
    bool is_main = entry.has_address;
    if (is_main && entry.sidekick) {
      const bool main_may = hold_of(entry).empty();
      is_main = main_may == entry.sidekick->up ? !entry.sidekick->is_first : main_may;
    }
    Peer& peer = peers_[number];
    if (known == peers_.end() && !is_first) {
      // Who comes back undoes a loss, and makes up for no other.
      const auto gone = departed_.find(number);
      const bool undoes = gone != departed_.end() && now - gone->second.since < rules_.mass_removal_delay;
      if (!undoes) {
        peer.arrived = now;
      }
    }
    if (!lost_address) {
      peer.uuid = is_main ? entry.uuid : entry.sidekick->uuid;
    }
    peer.up = is_main ? entry.up : entry.sidekick->up;
    peer.hold = is_main ? hold_of(entry) : entry.sidekick->up ? "" : stopped;
    peer.dialable = peer.hold.empty();
    peer.missing.reset();
    departed_.erase(number);
    if (number == self_) {
      own_ = OwnMembership::listed;
    }
    ever_listed_.insert(number);
  }
}

void Oracle::take_states(TimePoint now) {
  for (auto& [number, peer] : peers_) {
    const MemberState state = peer.missing    ? MemberState::suspected
                              : peer.dialable ? MemberState::dialable
                                              : MemberState::held;
    if (state != peer.state || peer.since == TimePoint{}) {
      peer.since = now;
    }
    peer.state = state;
  }
}

Oracle::Missing& Oracle::add_evidence(TimePoint now, Peer& peer, bool covered) {
  if (!peer.missing || !covered) {
    const bool was_mass = peer.missing && peer.missing->mass;
    peer.missing = Missing{.since = now, .reads = 0, .mass = was_mass};
  }
  ++peer.missing->reads;
  return *peer.missing;
}

/// Before what the answer lists is taken in: the guard counts those that were known before.
void Oracle::take_own(TimePoint now, const std::set<int>& missing, bool covered) {
  const auto self = peers_.find(self_);
  if (self == peers_.end()) {
    return;
  }
  if (!missing.contains(self_)) {
    own_ = OwnMembership::listed;
    own_guard_.reset();
    return;
  }
  if (!last_was_full_) {
    return;
  }
  Missing& ours = add_evidence(now, self->second, covered);
  const std::size_t losses = net_losses(now);
  const MassRemovalGuardView guard{missing.size() - 1 + losses, peers_.size() - 1 + losses, ours.since};
  ours.mass = ours.mass || is_mass(guard.missing, guard.known);
  own_guard_ = ours.mass ? std::optional(guard) : std::nullopt;
  own_ = OwnMembership::missing;
  if (rules_.removal == RemovalPolicy::never || !is_lasting(now, ours)) {
    return;
  }
  own_ = OwnMembership::removed;
  ++departures_[self_];
  own_guard_.reset();
  peers_.erase(self);
}

void Oracle::take_missing(TimePoint now, const std::set<int>& missing, bool covered) {
  for (const int number : missing) {
    add_evidence(now, peers_.at(number), covered);
  }
  // More than half of those that were up within the window, our own not counted.
  std::size_t up = net_losses(now);
  std::size_t lost = up;
  for (const auto& [number, peer] : peers_) {
    if (number == self_ || !peer.up) {
      continue;
    }
    ++up;
    lost += missing.contains(number) ? 1 : 0;
  }
  const bool mass = is_mass(lost, up);
  for (const int number : missing) {
    const auto peer = peers_.find(number);
    Missing& evidence = *peer->second.missing;
    evidence.mass = evidence.mass || (mass && peer->second.up);
    if (!is_gone(now, evidence)) {
      continue;
    }
    ++removed_;
    if (rules_.removal != RemovalPolicy::never) {
      departed_[number] = {now, peer->second.up};
      ++departures_[number];
    }
    peers_.erase(peer);
  }
}

/// Those that were up and departed within the window, less those that came in it.
std::size_t Oracle::net_losses(TimePoint now) const {
  int losses = 0;
  for (const auto& [number, departed] : departed_) {
    if (departed.up && now - departed.since < rules_.mass_removal_delay) {
      ++losses;
    }
  }
  for (const auto& [number, peer] : peers_) {
    const bool came = peer.arrived && now - *peer.arrived < rules_.mass_removal_delay;
    if (number != self_ && peer.up && came) {
      --losses;
    }
  }
  return static_cast<std::size_t>(std::max(losses, 0));
}

bool Oracle::is_mass(std::size_t missing, std::size_t of) const {
  return rules_.removal == RemovalPolicy::safe && missing * 2 > of;
}

/// What is to be reported of the guard, once the answer is taken in. What departed long ago is forgotten.
void Oracle::take_guard(TimePoint now) {
  const Duration kept = std::max<Duration>(std::chrono::minutes(10), rules_.mass_removal_delay);
  std::erase_if(departed_, [&](const auto& entry) { return now - entry.second.since >= kept; });
  guard_ = own_guard_;
  if (guard_) {
    return;
  }
  MassRemovalGuardView guard{net_losses(now), net_losses(now), TimePoint::max()};
  for (const auto& [number, peer] : peers_) {
    if (number == self_ || !peer.up) {
      continue;
    }
    ++guard.known;
    if (!peer.missing || !peer.missing->mass) {
      continue;
    }
    ++guard.missing;
    guard.since = std::min(guard.since, peer.missing->since);
  }
  if (guard.since != TimePoint::max()) {
    guard_ = guard;
  }
}

TimePoint Oracle::confirmed_at(const Missing& missing) const {
  const Milliseconds mass_delay = std::max(rules_.mass_removal_delay, rules_.removal_delay);
  return missing.since + (missing.mass ? mass_delay : rules_.removal_delay);
}

bool Oracle::is_gone(TimePoint now, const Missing& missing) const {
  return rules_.removal == RemovalPolicy::immediate || is_lasting(now, missing);
}

/// Our own container needs evidence under `immediate`, too.
bool Oracle::is_lasting(TimePoint now, const Missing& missing) const {
  return missing.reads >= 2 && now >= confirmed_at(missing);
}

PaceOracle::Wanted Oracle::wanted() const {
  PaceOracle::Wanted result;
  for (const auto& [number, peer] : peers_) {
    result.peers.emplace(number, peer.dialable && !peer.missing);
  }
  result.may_dial = own_ == OwnMembership::unknown || own_ == OwnMembership::listed;
  return result;
}

DepartureOracle::Wanted Oracle::wanted_departures() const {
  DepartureOracle::Wanted result;
  for (const auto& [number, peer] : peers_) {
    result.members.insert(number);
  }
  for (const auto& [number, departed] : departed_) {
    (others_confirmed_ ? result.departed : result.suspended).insert(number);
  }
  if (own_ == OwnMembership::removed) {
    (own_confirmed_ ? result.departed : result.suspended).insert(self_);
  }
  return result;
}

std::optional<TimePoint> Oracle::next_read() const {
  TimePoint earliest = TimePoint::max();
  const auto consider = [&](const Peer& peer) {
    if (!peer.missing) {
      return;
    }
    // Often enough that the answers cover the time, and when it is over.
    const TimePoint covered = last_read_ + rules_.reading_interval;
    earliest = std::min({earliest, covered, confirmed_at(*peer.missing)});
  };
  if (own_ == OwnMembership::removed) {
    if (!own_confirmed_) {
      earliest = last_read_;
    }
  } else if (own_ == OwnMembership::missing) {
    if (rules_.removal != RemovalPolicy::never) {
      consider(peers_.at(self_));
    }
  } else {
    if (!departed_.empty() && !others_confirmed_) {
      earliest = last_read_;
    }
    if (rules_.removal == RemovalPolicy::safe) {
      for (const auto& [number, peer] : peers_) {
        consider(peer);
      }
    }
  }
  if (earliest == TimePoint::max()) {
    return std::nullopt;
  }
  Duration pause = shortest_pause;
  for (int reads = 1; reads < told_nothing_; ++reads) {
    pause = std::min<Duration>(pause * 2, longest_pause);
  }
  return std::max<TimePoint>(earliest, last_read_ + pause);
}

}  // namespace rancher_cnode::simulation
