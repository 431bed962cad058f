#include "simulation_oracle.hpp"

#include <algorithm>
#include <chrono>

namespace rancher_cnode::membership::simulation {
namespace {
// Between reads while something waits for them: doubles while they tell nothing.
constexpr std::chrono::seconds shortest_pause{1};
constexpr std::chrono::seconds longest_pause{5};
constexpr const char* stopped = "state is stopped";
}  // namespace

void Oracle::take(TimePoint now, const Answer& answer) {
  last_read_ = now;
  ++told_nothing_;
  others_borne_out_ = own_borne_out_ = false;
  if (!answer.listing) ++failed_reads_;
  if (answer.listing && answer.listing->empty()) ++partial_reads_;
  if (!answer.listing || answer.listing->empty()) return;
  const std::set<int> missing = missing_from(*answer.listing);
  // Of those known before this read; counted if our own is missing, too.
  const bool mass = missing.contains(self_) && is_mass(missing.size() - 1, peers_.size() - 1);
  take_listed(*answer.listing);
  const OwnPresence before = own_;
  take_own(now, missing.contains(self_), mass);
  if (own_ != before) own_since_ = now;
  const bool alone = scope_ == ReadScope::named && own_ == OwnPresence::unknown;
  others_borne_out_ = alone || own_ == OwnPresence::present;
  own_borne_out_ = own_ == OwnPresence::left;
  if (others_borne_out_ || own_ != OwnPresence::unknown) told_nothing_ = 0;
  ++(others_borne_out_ ? whole_reads_ : partial_reads_);
  if (others_borne_out_) take_missing(now, missing);
  take_standings(now);
}

/// A container that is listed without its address is not missing, if it is the one that the peer was.
std::set<int> Oracle::missing_from(const Listing& listing) const {
  std::set<int> result;
  for (const auto& [number, peer] : peers_) {
    const auto entry = listing.find(number);
    const bool listed = entry != listing.end() && (entry->second.has_address || entry->second.sidekick ||
                                                   entry->second.uuid == peer.uuid);
    if (!listed) result.insert(number);
  }
  return result;
}

std::string Oracle::hold_of(const Entry& entry) const {
  if (!entry.up) return stopped;
  return entry.healthy || rules_.health == HealthPolicy::any ? "" : "health is unhealthy";
}

void Oracle::take_listed(const Listing& listing) {
  for (const auto& [number, entry] : listing) {
    const auto known = peers_.find(number);
    // One that is listed without its address keeps its peer, also from a sidekick that has the address.
    const bool lost_address = !entry.has_address && known != peers_.end() && known->second.uuid == entry.uuid;
    if (!entry.has_address && !entry.sidekick) {
      if (!lost_address) continue;
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
    if (!lost_address) peer.uuid = is_main ? entry.uuid : entry.sidekick->uuid;
    peer.up = is_main ? entry.up : entry.sidekick->up;
    peer.hold = is_main ? hold_of(entry) : entry.sidekick->up ? "" : stopped;
    peer.dialable = peer.hold.empty();
    peer.missing.reset();
    leavers_.erase(number);
    ever_listed_.insert(number);
  }
}

void Oracle::take_standings(TimePoint now) {
  for (auto& [number, peer] : peers_) {
    const Standing standing = peer.missing    ? Standing::suspected
                              : peer.dialable ? Standing::dialable
                                              : Standing::held;
    if (standing != peer.standing || peer.since == TimePoint{}) peer.since = now;
    peer.standing = standing;
  }
}

void Oracle::take_own(TimePoint now, bool missing, bool mass) {
  const auto self = peers_.find(self_);
  if (self == peers_.end()) return;
  if (!missing) {
    own_ = OwnPresence::present;
    return;
  }
  if (!self->second.missing) self->second.missing = Missing{.since = now};
  Missing& ours = *self->second.missing;
  ++ours.reads;
  ours.mass = ours.mass || mass;
  own_ = OwnPresence::missing;
  if (rules_.removal == RemovalPolicy::never || !is_lasting(now, ours)) return;
  own_ = OwnPresence::left;
  peers_.erase(self);
}

void Oracle::take_missing(TimePoint now, const std::set<int>& missing) {
  const bool mass = is_mass(missing);
  for (const int number : missing) {
    const auto peer = peers_.find(number);
    std::optional<Missing>& gap = peer->second.missing;
    if (!gap) gap = Missing{.since = now};
    ++gap->reads;
    gap->mass = gap->mass || (mass && peer->second.up);
    if (!is_gone(now, *gap)) continue;
    if (rules_.removal != RemovalPolicy::never) leavers_.emplace(number, now);
    peers_.erase(peer);
  }
}

bool Oracle::is_mass(std::size_t missing, std::size_t of) const {
  return rules_.removal == RemovalPolicy::safe && missing * 2 > of;
}

/// More than half at once of those that were up, our own not counted.
bool Oracle::is_mass(const std::set<int>& missing) const {
  std::size_t up = 0;
  std::size_t up_and_missing = 0;
  for (const auto& [number, peer] : peers_) {
    if (number == self_ || !peer.up) continue;
    ++up;
    up_and_missing += missing.contains(number) ? 1 : 0;
  }
  return is_mass(up_and_missing, up);
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

std::optional<std::string> Oracle::against(const Desired& desired, const std::vector<NodeName>& names) const {
  const auto name = [&](int number) -> const NodeName& { return names[static_cast<std::size_t>(number)]; };
  if (desired.own != own_)
    return "thinks otherwise of its own container: " + std::string(to_string(desired.own));
  std::size_t dialable = 0;
  for (const auto& [number, peer] : peers_) {
    if (!desired.members.contains(name(number))) return "no member any more: " + std::to_string(number);
    const bool wanted = peer.dialable && !peer.missing;
    dialable += wanted ? 1 : 0;
    if (wanted && !desired.dialable.contains(name(number))) return "not dialable: " + std::to_string(number);
  }
  if (desired.members.size() != peers_.size()) return "has members that belong no more, or never did";
  if (desired.dialable.size() != dialable) return "would dial what is not listed as up";
  std::size_t leavers = 0;
  for (const auto& [number, since] : leavers_) {
    if (!others_borne_out_) break;
    ++leavers;
    if (!desired.leavers.contains(name(number))) return "no leaver: " + std::to_string(number);
  }
  if (own_borne_out_) {
    ++leavers;
    if (!desired.leavers.contains(name(self_))) return "left, and is no leaver itself";
  }
  if (desired.leavers.size() != leavers) return "has leavers that the reads do not bear out";
  return std::nullopt;
}

std::optional<std::string> Oracle::against_dial(int number) const {
  if (number == self_) return "the target itself was dialled";
  if (own_ == OwnPresence::missing || own_ == OwnPresence::left) {
    return "dialled although our own container is missing";
  }
  const auto peer = peers_.find(number);
  if (peer == peers_.end()) return "dialled although it is not, or no longer, listed";
  if (peer->second.missing) return "dialled although the last whole read lacks it";
  if (!peer->second.dialable) return "dialled although the container is not up";
  return std::nullopt;
}

std::optional<std::string> Oracle::against_leave(int number) const {
  if (rules_.removal == RemovalPolicy::never) return "a leave under --removal never";
  if (number == self_) {
    if (!own_borne_out_) return "the target is asked to leave although the last read does not bear it out";
    return std::nullopt;
  }
  if (peers_.contains(number)) return "asked to leave although it still belongs";
  if (!leavers_.contains(number)) return "asked to leave although it was never listed";
  if (!others_borne_out_) return "asked to leave although the last read does not bear it out";
  return std::nullopt;
}

PaceOracle::Wanted Oracle::wanted() const {
  PaceOracle::Wanted result;
  for (const auto& [number, peer] : peers_) result.peers.emplace(number, peer.dialable && !peer.missing);
  for (const auto& [number, since] : leavers_) {
    if (others_borne_out_) result.leavers.insert(number);
  }
  if (own_borne_out_) result.leavers.insert(self_);
  result.may_dial = own_ == OwnPresence::unknown || own_ == OwnPresence::present;
  return result;
}

std::optional<TimePoint> Oracle::next_read() const {
  TimePoint earliest = TimePoint::max();
  const auto consider = [&](const Peer& peer) {
    if (peer.missing) earliest = std::min(earliest, confirmed_at(*peer.missing));
  };
  if (own_ == OwnPresence::left) {
    if (!own_borne_out_) earliest = last_read_;
  } else if (own_ == OwnPresence::missing) {
    if (rules_.removal != RemovalPolicy::never) consider(peers_.at(self_));
  } else {
    if (!leavers_.empty() && !others_borne_out_) earliest = last_read_;
    if (rules_.removal == RemovalPolicy::safe) {
      for (const auto& [number, peer] : peers_) consider(peer);
    }
  }
  if (earliest == TimePoint::max()) return std::nullopt;
  Duration pause = shortest_pause;
  for (int reads = 1; reads < told_nothing_; ++reads) pause = std::min<Duration>(pause * 2, longest_pause);
  return std::max<TimePoint>(earliest, last_read_ + pause);
}

/// Nothing, or in what the report on the guard against mass removals differs.
std::optional<std::string> Oracle::against_guard(const std::optional<MassHold>& reported) const {
  std::size_t known = 0;
  std::size_t held = 0;
  bool own_is_held = false;
  TimePoint since = TimePoint::max();
  for (const auto& [number, peer] : peers_) {
    const bool is_held = peer.missing && peer.missing->mass;
    if (number == self_) {
      own_is_held = is_held;
    } else if (peer.up) {
      ++known;
      if (!is_held) continue;
      ++held;
      since = std::min(since, peer.missing->since);
    }
  }
  if (reported.has_value() != (own_is_held || held > 0))
    return "is wrong about the guard against mass removals";
  if (!reported) return std::nullopt;
  if (own_is_held) since = peers_.at(self_).missing->since;
  if (reported->since != since) return "reports another time of the guard";
  if (!own_is_held && (reported->missing != held || reported->known != known))
    return "counts those that the guard holds otherwise";
  return std::nullopt;
}

std::optional<std::string> Oracle::against_reports(const Membership& membership,
                                                   const std::vector<NodeName>& names) const {
  if (membership.wants_read_at() != next_read()) return "wants its next read at another time";
  const MembershipView& view = membership.view();
  if (view.own != own_ || (own_ != OwnPresence::unknown && view.own_since != own_since_))
    return "reports its own container otherwise";
  if (view.unknown_reads != failed_reads_ || view.partial_reads != partial_reads_ ||
      view.whole_reads != whole_reads_)
    return "counts its reads otherwise";
  if (const auto rule = against_guard(view.mass_hold)) return rule;
  const auto standings = membership.standings();
  if (standings.size() != peers_.size() + leavers_.size() + (own_ == OwnPresence::left ? 1U : 0U))
    return "reports too many peers, or too few";
  auto reported = standings.begin();
  for (const auto& [number, peer] : peers_) {
    const std::string name = ": " + std::to_string(number);
    if (reported->node != names[static_cast<std::size_t>(number)]) return "reports another peer than" + name;
    if (reported->standing != peer.standing) return "reports another standing" + name;
    if (reported->since != peer.since) return "reports another time of the standing" + name;
    if (reported->reason != (peer.missing ? "missing from the metadata" : peer.hold))
      return "reports another reason" + name;
    ++reported;
  }
  for (const auto& [number, since] : leavers_) {
    if (reported->node != names[static_cast<std::size_t>(number)] || reported->since != since ||
        reported->standing != Standing::leaver)
      return "reports a departed peer otherwise: " + std::to_string(number);
    ++reported;
  }
  return std::nullopt;
}

}  // namespace rancher_cnode::membership::simulation
