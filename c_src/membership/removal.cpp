// The part of Membership that removes peers: which suspicions are confirmed, and who is forgotten.
#include <algorithm>

#include "membership/membership_impl.hpp"

namespace rancher_cnode::membership {
namespace {

/// Where our own container is never listed no read can remove, and peers would pile up over the years.
constexpr std::chrono::hours forgotten_after{1};
/// Departed peers are remembered for so long, and for mass_removal_delay at least.
constexpr Milliseconds departed_for = std::chrono::minutes(10);
constexpr std::uint32_t reads_needed = 2;

}  // namespace

Milliseconds Membership::Impl::delay_of(const Suspicion& suspicion) const {
  if (!suspicion.held) {
    return settings_.removal_delay;
  }
  return std::max(settings_.mass_removal_delay, settings_.removal_delay);
}

bool Membership::Impl::is_confirmed(TimePoint now, const Suspicion& suspicion) const {
  return settings_.removal == RemovalPolicy::immediate || is_lasting(now, suspicion);
}

bool Membership::Impl::is_lasting(TimePoint now, const Suspicion& suspicion) const {
  return suspicion.reads >= reads_needed && now >= suspicion.since + delay_of(suspicion);
}

/// What is missing may be the containers that one of several services has lost for a while.
void Membership::Impl::hold_suspicions() {
  for (auto& [address, peer] : peers_) {
    if (peer.suspicion) {
      peer.suspicion->held = true;
    }
  }
}

/// For incomplete reads: what none of them has listed for long is no longer dialled, and its connections are
/// left alone.
bool Membership::Impl::forget_unlisted(TimePoint now, const Eligibility& listed) {
  const std::size_t before = peers_.size();
  for (auto next = peers_.begin(); next != peers_.end();) {
    const auto current = next++;
    auto& [address, peer] = *current;
    if (peer.suspicion || listed.find(address) != nullptr || is_unaddressed(listed, peer)) {
      continue;
    }
    if (!peer.unlisted) {
      peer.unlisted = now;
    }
    if (now - *peer.unlisted >= forgotten_after) {
      facts_.emplace_back(fact::PeerForgotten{peer.node});
      peers_.erase(current);
    }
  }
  view_.removed_peers += before - peers_.size();
  return peers_.size() != before;
}

bool Membership::Impl::remove_confirmed(TimePoint now) {
  const std::size_t before = peers_.size();
  for (auto next = peers_.begin(); next != peers_.end();) {
    const auto current = next++;
    const auto& [address, peer] = *current;
    if (is_own(address) || !peer.suspicion || !is_confirmed(now, *peer.suspicion)) {
      continue;
    }
    if (settings_.removal == RemovalPolicy::never || peer.restored) {
      facts_.emplace_back(fact::PeerForgotten{peer.node});
    } else {
      facts_.emplace_back(fact::PeerDeparted{peer.node});
      departed_.insert_or_assign(address, DepartedPeer{peer.node, now, peer.up});
    }
    peers_.erase(current);
  }
  const std::size_t removed = before - peers_.size();
  view_.removed_peers += removed;
  return removed > 0;
}

bool Membership::Impl::forget_departed(TimePoint now) {
  const Milliseconds kept = std::max(departed_for, settings_.mass_removal_delay);
  return std::erase_if(departed_, [&](const auto& entry) { return now - entry.second.since >= kept; }) > 0;
}

}  // namespace rancher_cnode::membership
