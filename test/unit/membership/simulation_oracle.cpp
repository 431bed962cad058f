#include "simulation_oracle.hpp"

#include <algorithm>
#include <chrono>

namespace rancher_cnode::membership::simulation {
namespace {
constexpr std::chrono::seconds removal_delay{10};
constexpr std::chrono::seconds mass_removal_delay{60};
constexpr std::chrono::seconds longest_pause{5};  // between reads while something waits for them
}  // namespace

void Oracle::take(TimePoint now, const Answer& answer) {
  last_read_ = now;
  told_nothing_ = true;
  others_borne_out_ = own_borne_out_ = false;
  if (!answer.listing || answer.listing->empty()) return;
  const std::set<int> missing = missing_from(*answer.listing);
  // Of those known before this read; counted if our own is missing, too.
  const bool mass = missing.contains(self_) && is_mass(missing.size() - 1, peers_.size() - 1);
  take_listed(*answer.listing);
  take_own(now, missing.contains(self_), mass);
  const bool alone = scope_ == ReadScope::named && own_ == OwnPresence::unknown;
  others_borne_out_ = alone || own_ == OwnPresence::present;
  own_borne_out_ = own_ == OwnPresence::left;
  told_nothing_ = !others_borne_out_ && own_ == OwnPresence::unknown;
  if (others_borne_out_) take_missing(now, missing);
}

/// A container that is listed without its address is not missing, if it is the one that the peer was.
std::set<int> Oracle::missing_from(const Listing& listing) const {
  std::set<int> result;
  for (const auto& [number, peer] : peers_) {
    const auto entry = listing.find(number);
    const bool listed =
        entry != listing.end() && (entry->second.has_address || entry->second.uuid == peer.uuid);
    if (!listed) result.insert(number);
  }
  return result;
}

void Oracle::take_listed(const Listing& listing) {
  for (const auto& [number, entry] : listing) {
    if (entry.has_address) {
      peers_[number] = Peer{entry.uuid, entry.up, entry.up, std::nullopt};
      leavers_.erase(number);
      ever_listed_.insert(number);
    } else if (const auto peer = peers_.find(number);
               peer != peers_.end() && peer->second.uuid == entry.uuid) {
      peer->second.dialable = false;
      peer->second.missing.reset();
    }
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
  if (removal_ == RemovalPolicy::never || !is_lasting(now, ours)) return;
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
    if (removal_ != RemovalPolicy::never) leavers_.insert(number);
    peers_.erase(peer);
  }
}

bool Oracle::is_mass(std::size_t missing, std::size_t of) const {
  return removal_ == RemovalPolicy::safe && missing * 2 > of;
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
  return missing.since + (missing.mass ? mass_removal_delay : removal_delay);
}

bool Oracle::is_gone(TimePoint now, const Missing& missing) const {
  return removal_ == RemovalPolicy::immediate || is_lasting(now, missing);
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
  for (const int number : leavers_) {
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
  if (removal_ == RemovalPolicy::never) return "a leave under --removal never";
  if (number == self_) {
    if (!own_borne_out_) return "the target is asked to leave although the last read does not bear it out";
    return std::nullopt;
  }
  if (peers_.contains(number)) return "asked to leave although it still belongs";
  if (!leavers_.contains(number)) return "asked to leave although it was never listed";
  if (!others_borne_out_) return "asked to leave although the last read does not bear it out";
  return std::nullopt;
}

TimePoint Oracle::next_read() const {
  TimePoint earliest = TimePoint::max();
  const auto consider = [&](const Peer& peer) {
    if (peer.missing) earliest = std::min(earliest, confirmed_at(*peer.missing));
  };
  if (own_ == OwnPresence::left) {
    if (!own_borne_out_) earliest = last_read_;
  } else if (own_ == OwnPresence::missing) {
    if (removal_ != RemovalPolicy::never) consider(peers_.at(self_));
  } else {
    if (!leavers_.empty() && !others_borne_out_) earliest = last_read_;
    if (removal_ == RemovalPolicy::safe) {
      for (const auto& [number, peer] : peers_) consider(peer);
    }
  }
  if (earliest == TimePoint::max()) return earliest;
  return std::max<TimePoint>(earliest, last_read_ + longest_pause);
}

}  // namespace rancher_cnode::membership::simulation
