#include "membership/removal_guard.hpp"

#include <algorithm>

namespace rancher_cnode::membership {

bool is_unaddressed(const Eligibility& listed, const PeerRecord& peer) {
  return std::binary_search(listed.unaddressed.begin(), listed.unaddressed.end(), peer.uuid);
}

RemovalGuard::RemovalGuard(const MembershipSettings& settings)
    : own_address_(settings.own_address),
      on_(settings.removal == RemovalPolicy::safe),
      window_(settings.mass_removal_delay) {}

bool RemovalGuard::takes_part(const PeerRecords::value_type& entry) const {
  return entry.first != own_address_ && entry.second.up;
}

bool RemovalGuard::counts(TimePoint now, const DepartedPeers::node_type& departed) const {
  return !departed.empty() && is_recent(now, departed.mapped().since);
}

/// By how many those that departed within the window are more than those that came, as missing and as known.
MassRemovalGuardView RemovalGuard::recent_losses(TimePoint now, const PeerRecords& peers,
                                                 const DepartedPeers& departed) const {
  const auto gone = std::ranges::count_if(
      departed, [&](const auto& entry) { return entry.second.up && is_recent(now, entry.second.since); });
  const auto came = std::ranges::count_if(peers, [&](const auto& entry) {
    const auto& arrived = entry.second.arrived;
    return takes_part(entry) && arrived && is_recent(now, *arrived);
  });
  const auto lost = static_cast<std::size_t>(std::max<std::ptrdiff_t>(gone - came, 0));
  return {.missing = lost, .known = lost, .since = TimePoint::max()};
}

void RemovalGuard::add_missing(MassRemovalGuardView& hold, const PeerRecord& peer) {
  ++hold.missing;
  if (hold.examples.size() < MassRemovalGuardView::max_examples) {
    hold.examples.push_back(peer.node);
  }
}

bool RemovalGuard::is_mass(const MassRemovalGuardView& hold) const { return on_ && hold.is_more_than_half(); }

void RemovalGuard::judge(TimePoint now, PeerRecords& peers, const DepartedPeers& departed) const {
  MassRemovalGuardView all = recent_losses(now, peers, departed);
  for (const auto& entry : peers) {
    if (!takes_part(entry)) {
      continue;
    }
    ++all.known;
    if (entry.second.suspicion) {
      ++all.missing;
    }
  }
  if (!is_mass(all)) {
    return;
  }
  for (auto& entry : peers) {
    if (takes_part(entry) && entry.second.suspicion) {
      entry.second.suspicion->held = true;
    }
  }
}

void RemovalGuard::judge_own(TimePoint now, const Eligibility& listed, Suspicion& own,
                             const PeerRecords& peers, const DepartedPeers& departed) {
  MassRemovalGuardView hold = recent_losses(now, peers, departed);
  hold.since = own.since;
  for (const auto& [address, peer] : peers) {
    if (address == own_address_) {
      continue;
    }
    ++hold.known;
    if (listed.find(address) == nullptr && !is_unaddressed(listed, peer)) {
      add_missing(hold, peer);
    }
  }
  own.held = own.held || is_mass(hold);
  own_ = own.held ? std::optional(hold) : std::nullopt;
}

std::optional<MassRemovalGuardView> RemovalGuard::view(TimePoint now, const PeerRecords& peers,
                                                       const DepartedPeers& departed) const {
  if (own_) {
    return own_;
  }
  MassRemovalGuardView hold = recent_losses(now, peers, departed);
  bool any = false;
  for (const auto& entry : peers) {
    if (!takes_part(entry)) {
      continue;
    }
    ++hold.known;
    if (!entry.second.suspicion || !entry.second.suspicion->held) {
      continue;
    }
    any = true;
    add_missing(hold, entry.second);
    hold.since = std::min(hold.since, entry.second.suspicion->since);
  }
  return any ? std::optional(hold) : std::nullopt;
}

}  // namespace rancher_cnode::membership
