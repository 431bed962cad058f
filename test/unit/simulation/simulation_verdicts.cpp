// What the oracle holds against the code: its desired peers, its actions, its reports.
#include <algorithm>

#include "simulation_oracle.hpp"

namespace rancher_cnode::simulation {

std::optional<std::string> Oracle::against(const Desired& desired, const std::vector<NodeName>& names) const {
  const auto name = [&](int number) -> const NodeName& { return names[static_cast<std::size_t>(number)]; };
  if (desired.own != own_) {
    return "thinks otherwise of its own container: " + std::string(to_string(desired.own));
  }
  std::size_t dialable = 0;
  for (const auto& [number, peer] : peers_) {
    if (!desired.members.contains(name(number))) {
      return "no member any more: " + std::to_string(number);
    }
    const bool wanted = peer.dialable && !peer.missing;
    dialable += wanted ? 1 : 0;
    if (wanted && !desired.dialable.contains(name(number))) {
      return "not dialable: " + std::to_string(number);
    }
  }
  if (desired.members.size() != peers_.size()) {
    return "has members that belong no more, or never did";
  }
  if (desired.dialable.size() != dialable) {
    return "would dial what is not listed as up";
  }
  std::set<NodeName> departed;
  std::set<NodeName> suspended;
  for (const auto& [number, gone] : departed_) {
    (others_confirmed_ ? departed : suspended).insert(name(number));
  }
  if (own_ == OwnMembership::removed) {
    (own_confirmed_ ? departed : suspended).insert(name(self_));
  }
  if (desired.departed != departed) {
    return "is wrong about who has departed";
  }
  if (desired.suspended != suspended) {
    return "is wrong about whose departure the last read does not confirm";
  }
  return std::nullopt;
}

std::optional<std::string> Oracle::against_dial(int number) const {
  if (number == self_) {
    return "the target itself was dialled";
  }
  if (own_ == OwnMembership::missing || own_ == OwnMembership::removed) {
    return "dialled although our own container is missing";
  }
  const auto peer = peers_.find(number);
  if (peer == peers_.end()) {
    return "dialled although it is not, or no longer, listed";
  }
  if (peer->second.missing) {
    return "dialled although the last whole read lacks it";
  }
  if (!peer->second.dialable) {
    return "dialled although the container is not up";
  }
  return std::nullopt;
}

std::optional<std::string> Oracle::against_disconnect(int number) const {
  if (rules_.removal == RemovalPolicy::never) {
    return "a disconnect under --removal never";
  }
  if (peers_.contains(number)) {
    return "disconnected although it still belongs";
  }
  if (!has_departed(number)) {
    return "disconnected although it was never listed";
  }
  if (!confirmed().contains(number)) {
    return "disconnected although the last read does not confirm it";
  }
  return std::nullopt;
}

std::optional<std::string> Oracle::against_cut(TimePoint now, int number, Milliseconds age) const {
  if (confirmed().contains(number)) {
    return std::nullopt;
  }
  const auto until = confirmed_until_.find(number);
  if (until != confirmed_until_.end() && now - until->second <= age) {
    return std::nullopt;
  }
  return "a connection was cut although the metadata of the one who asked lists both ends";
}

bool Oracle::lists_both(int a, int b) const {
  const auto lists = [this](int number) {
    const auto peer = peers_.find(number);
    return peer != peers_.end() && !peer->second.missing;
  };
  return lists(a) && lists(b);
}

/// Nothing, or in what the report on the guard against mass removals differs.
std::optional<std::string> Oracle::against_guard(const std::optional<MassRemovalGuardView>& reported) const {
  if (reported.has_value() != guard_.has_value()) {
    return "is wrong about the guard against mass removals";
  }
  if (!reported) {
    return std::nullopt;
  }
  if (reported->since != guard_->since) {
    return "reports another time of the guard";
  }
  if (reported->missing != guard_->missing || reported->known != guard_->known) {
    return "counts those that the guard holds otherwise";
  }
  return std::nullopt;
}

std::optional<std::string> Oracle::against_reports(const Membership& membership,
                                                   const std::vector<NodeName>& names) const {
  if (membership.wants_read_at() != next_read()) {
    return "wants its next read at another time";
  }
  const MembershipView& view = membership.view();
  if (view.own != own_ || (own_ != OwnMembership::unknown && view.own_since != own_since_)) {
    return "reports its own container otherwise";
  }
  if (view.failed_reads != failed_reads_ || view.incomplete_reads != partial_reads_ ||
      view.authoritative_reads != whole_reads_) {
    return "counts its reads otherwise";
  }
  if (view.removed_peers != removed_) {
    return "counts those that were removed otherwise";
  }
  if (const auto rule = against_guard(view.mass_removal_guard)) {
    return rule;
  }
  const auto member_views = membership.member_views();
  if (member_views.size() != peers_.size() + departed_.size() + (own_ == OwnMembership::removed ? 1U : 0U)) {
    return "reports too many peers, or too few";
  }
  auto reported = member_views.begin();
  for (const auto& [number, peer] : peers_) {
    const std::string name = ": " + std::to_string(number);
    if (reported->node != names[static_cast<std::size_t>(number)]) {
      return "reports another peer than" + name;
    }
    if (reported->state != peer.state) {
      return "reports another state" + name;
    }
    if (reported->since != peer.since) {
      return "reports another time of the state" + name;
    }
    if (reported->reason != (peer.missing ? "missing from the metadata" : peer.hold)) {
      return "reports another reason" + name;
    }
    ++reported;
  }
  for (const auto& [number, departed] : departed_) {
    if (reported->node != names[static_cast<std::size_t>(number)] || reported->since != departed.since ||
        reported->state != MemberState::departed) {
      return "reports a departed peer otherwise: " + std::to_string(number);
    }
    ++reported;
  }
  return std::nullopt;
}

}  // namespace rancher_cnode::simulation
