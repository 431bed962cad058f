#include "agent/change_log.hpp"

#include <utility>

namespace rancher_cnode::agent {

using membership::MemberState;
using membership::OwnMembership;

namespace {

std::string_view words(OwnMembership own) {
  switch (own) {
    case OwnMembership::unknown:
      return "the metadata has not listed our own container: is --ip right?";
    case OwnMembership::listed:
      return "the metadata lists our own container";
    case OwnMembership::missing:
      return "the metadata no longer lists our own container; nothing is dialled";
    case OwnMembership::removed:
      return "our own container is no longer in the service; its BEAM is disconnected from the cluster";
  }
  return "";
}

/// While a container starts, the metadata may list it some seconds later than it answers.
constexpr Milliseconds unlisted_patience{10'000};

template <class Say>
void each_new(const std::set<NodeName>& before, const std::set<NodeName>& after, Say say) {
  for (const auto& peer : after) {
    if (!before.contains(peer)) {
      say(peer);
    }
  }
}

}  // namespace

void ChangeLog::note(TimePoint now, membership::ReadScope scope, const membership::Membership& membership) {
  const auto before = std::exchange(desired_, membership.desired());
  if (before != desired_) {
    note_peers(*before, *desired_);
    note_own(desired_->own);
  }
  // A reason may change and Desired stay as it is, but only while someone is held, and by a read that tells something.
  const bool some_held = desired_->dialable.size() != desired_->members.size();
  if (before != desired_ || (some_held && membership.view().last_answer == now)) {
    note_held(membership.member_views());
  }
  note_unlisted(now, scope, membership.view());
  note_mass_hold(membership.view().mass_removal_guard);
  note_dropped(membership.view().dropped);
}

/// Departed peers are suspended while nothing is known, and restored as they were: that is no change.
void ChangeLog::note_peers(const membership::Desired& before, const membership::Desired& after) {
  each_new(before.members, after.members, [this](const NodeName& peer) {
    log_.info("peer_listed", "it belongs to the service", {{"peer", peer.str()}});
  });
  each_new(before.departed, after.departed, [&](const NodeName& peer) {
    if (!before.suspended.contains(peer)) {
      log_.info("peer_departed", "it is no longer in the service; it is not dialled", {{"peer", peer.str()}});
    }
  });
}

/// Departed peers and those that are forgotten are held no longer, and not dialable either.
void ChangeLog::note_held(const std::vector<membership::MemberView>& member_views) {
  std::map<NodeName, std::string> held;
  for (const auto& peer : member_views) {
    if (peer.state == MemberState::held || peer.state == MemberState::suspected) {
      held.emplace(peer.node, peer.reason);
    }
  }
  for (const auto& [peer, reason] : held) {
    const auto told = not_dialled_.find(peer);
    if (told == not_dialled_.end() || told->second != reason) {
      log_.info("peer_held", "it is not dialled for now; links to it stay",
                {{"peer", peer.str()}, {"reason", reason}});
    }
  }
  for (const auto& [peer, reason] : not_dialled_) {
    if (!held.contains(peer) && desired_->dialable.contains(peer)) {
      log_.info("peer_released", "nothing holds it any longer", {{"peer", peer.str()}});
    }
  }
  not_dialled_ = std::move(held);
}

void ChangeLog::note_own(OwnMembership own) {
  if (std::exchange(own_, own) == own) {
    return;
  }
  switch (own) {
    case OwnMembership::unknown:
      log_.warning("own_container_unlisted", words(own));
      break;
    case OwnMembership::listed:
      log_.info("own_container_listed", words(own));
      break;
    case OwnMembership::missing:
      log_.warning("own_container_missing", words(own));
      break;
    case OwnMembership::removed:
      log_.warning("own_container_removed", words(own));
      break;
  }
}

/// A C-node that asks for a service by name need not be of it.
void ChangeLog::note_unlisted(TimePoint now, membership::ReadScope scope,
                              const membership::MembershipView& view) {
  if (unlisted_told_ || scope == membership::ReadScope::named || view.own != OwnMembership::unknown ||
      !view.last_answer) {
    return;
  }
  unlisted_since_ = unlisted_since_.value_or(now);
  if (*view.last_answer == now && now - *unlisted_since_ >= unlisted_patience) {
    unlisted_told_ = true;
    log_.warning("own_container_unlisted", words(OwnMembership::unknown));
  }
}

void ChangeLog::note_mass_hold(const std::optional<membership::MassRemovalGuardView>& hold) {
  if (std::exchange(mass_held_, hold.has_value()) == hold.has_value()) {
    return;
  }
  if (hold) {
    log_.warning(
        "mass_removal_guard_on",
        "more than half of the peers are missing from the metadata; none is let go before it has said so for "
        "--mass-removal-delay",
        {{"missing", hold->missing}, {"known", hold->known}});
  } else {
    log_.info("mass_removal_guard_off", "the missing peers are back or have departed");
  }
}

void ChangeLog::note_dropped(const membership::DropCounts& dropped) {
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    // Two containers on one address are a service with a sidekick: normal, and said nowhere.
    const auto reason = static_cast<membership::DropReason>(i);
    if (dropped[i].count != dropped_[i].count && dropped[i].count > 0 &&
        reason != membership::DropReason::duplicate) {
      log_.write(
          reason == membership::DropReason::no_address ? LogLevel::info : LogLevel::warning,
          "containers_skipped", "listed containers without a usable address make no peers",
          {{"reason", to_string(reason)}, {"count", dropped[i].count}, {"example", dropped[i].example}});
    }
  }
  dropped_ = dropped;
}

}  // namespace rancher_cnode::agent
