#include <algorithm>
#include <utility>

#include "membership/membership_impl.hpp"
#include "rancher_cnode/core/backoff.hpp"

namespace rancher_cnode::membership {
namespace {

/// The delay before the next read after reads that confirmed nothing: each may end a long-poll early.
constexpr Backoff read_again(Milliseconds(1'000), Milliseconds(5'000));
constexpr std::string_view lost_address = "listed, but without a usable address for now";

}  // namespace

void Membership::Impl::suspect(TimePoint now, PeerRecord& peer) {
  if (!peer.suspicion) {
    peer.suspicion = Suspicion{now, 0};
  }
  ++peer.suspicion->reads;
}

/// Nothing is known of the time before this read.
void Membership::Impl::begin_anew(TimePoint now, Suspicion& suspicion) {
  suspicion.since = now;
  suspicion.reads = 0;
}

bool Membership::Impl::take(TimePoint now, ReadScope scope, const Read& read, Authority authority) {
  last_read_ = now;
  if (const auto* unknown = std::get_if<FailedRead>(&read)) {
    ++view_.failed_reads;
    view_.last_failed = now;
    view_.last_failure = unknown->reason;
    return tells_nothing();
  }
  return take(now, scope, std::get<Service>(read), authority);
}

void Membership::Impl::take_dropped(DropCounts dropped) {
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    if (dropped[i].count != view_.dropped[i].count) {
      facts_.emplace_back(fact::ContainersSkipped{static_cast<DropReason>(i), dropped[i], settings_.service});
    }
  }
  view_.dropped = std::move(dropped);
}

void Membership::Impl::state_guard(TimePoint now) {
  const auto before = std::exchange(view_.mass_removal_guard, guard_.view(now, peers_, departed_));
  const auto& guard = view_.mass_removal_guard;
  if (before.has_value() == guard.has_value()) {
    return;
  }
  const auto ends = guard ? guard->since + delay_of({.since = guard->since, .held = true}) : now;
  facts_.emplace_back(fact::MassRemovalGuard{
      guard, settings_.service, std::chrono::ceil<Milliseconds>(std::max<Duration>(ends - now, {}))});
}

bool Membership::Impl::take(TimePoint now, ReadScope scope, const Service& service, Authority of_source) {
  view_.last_answer = now;
  Eligibility listed = judge(service, settings_.health);
  take_dropped(std::move(listed.dropped));
  if (service.containers.empty()) {
    ++view_.incomplete_reads;
    state_unlisted(now, scope, service);
    return tells_nothing();
  }

  // Before the others: whether a read may remove them depends on whether it lists us.
  bool changed = judge_own(now, listed, of_source);
  state_unlisted(now, scope, service);
  const bool alone = scope == ReadScope::named && view_.own == OwnMembership::unknown;
  const Authority authority =
      alone || view_.own == OwnMembership::listed ? of_source : Authority::may_only_add;

  changed |= add_listed(now, listed);
  changed |= look_for_missing(now, listed, authority);
  if (service.has_empty_service) {
    hold_suspicions();
  }
  if (authority == Authority::full) {
    ++view_.authoritative_reads;
    view_.last_authoritative = now;
    guard_.judge(now, peers_, departed_);
    changed |= remove_confirmed(now);
  } else {
    ++view_.incomplete_reads;
    changed |= forget_unlisted(now, listed);
  }
  changed |= forget_departed(now);
  state_guard(now);
  const bool tells =
      authority == Authority::full || (of_source == Authority::full && view_.own != OwnMembership::unknown);
  told_nothing_ = tells ? 0 : told_nothing_ + 1;
  changed |= confirm(
      {authority == Authority::full, of_source == Authority::full && view_.own == OwnMembership::removed});
  if (changed) {
    rebuild();
  }
  return changed;
}

/// What was true at the last read that reported something need not be true any more: another container may
/// have taken a departed peer's address since.
bool Membership::Impl::tells_nothing() {
  ++told_nothing_;
  of_others_.broken();
  of_own_.broken();
  if (!confirm({})) {
    return false;
  }
  rebuild();
  return true;
}

/// Returns true if departed peers come into Desired or go from it by this.
bool Membership::Impl::confirm(Confirmed confirmed) {
  confirmed.others = confirmed.others && !departed_.empty();
  return std::exchange(confirmed_, confirmed) != confirmed;
}

PeerRecords::iterator Membership::Impl::add(TimePoint now, PeerRecords::iterator place, Ipv4Address address,
                                            std::optional<TimePoint> arrived) {
  PeerRecord peer{.node = NodeName::of(settings_.node_basename, address),
                  .since = now,
                  .arrived = arrived,
                  .uuid = {},
                  .hold = {},
                  .up = true,
                  .suspicion = {},
                  .restored = false,
                  .unlisted = {}};
  facts_.emplace_back(fact::PeerListed{peer.node, settings_.service});
  return peers_.emplace_hint(place, address, std::move(peer));
}

/// Of our own container only an answer knows.
Observed Membership::Impl::restore(TimePoint now, const std::vector<Ipv4Address>& addresses) {
  for (const auto address : addresses) {
    if (!is_own(address) && !peers_.contains(address)) {
      add(now, peers_.end(), address, std::nullopt)->second.restored = true;
    }
  }
  rebuild();
  return {!facts_.empty(), std::exchange(facts_, {})};
}

std::vector<Ipv4Address> Membership::Impl::members() const {
  std::vector<Ipv4Address> addresses;
  for (const auto& [address, peer] : peers_) {
    addresses.push_back(address);
  }
  return addresses;
}

bool Membership::Impl::add_listed(TimePoint now, const Eligibility& listed) {
  bool changed = false;
  const bool first = !std::exchange(synced_, true);
  auto known = peers_.begin();
  for (const Member& member : listed.members) {
    while (known != peers_.end() && known->first < member.address) {
      ++known;
    }
    if (known == peers_.end() || known->first != member.address) {
      const bool undoes_a_loss = guard_.counts(now, departed_.extract(member.address));
      known = add(now, known, member.address,
                  first || undoes_a_loss ? std::optional<TimePoint>() : std::optional(now));
      changed = true;
    }
    changed |= change(now, known->second, [&](PeerRecord& peer) {
      // Where two share the address, the one that made the peer stays its own even if it has none for now.
      if (!is_unaddressed(listed, peer)) {
        peer.uuid = member.uuid;
      }
      peer.hold = member.hold;
      peer.up = member.up;
      peer.restored = false;
      peer.suspicion.reset();
      peer.unlisted.reset();
    });
  }
  return changed;
}

bool Membership::Impl::look_for_missing(TimePoint now, const Eligibility& listed, Authority authority) {
  bool covered = false;
  if (authority == Authority::full) {
    covered = of_others_.extend(now);
  } else {
    of_others_.broken();
  }
  bool changed = false;
  auto member = listed.members.begin();
  for (auto& [address, peer] : peers_) {
    while (member != listed.members.end() && member->address < address) {
      ++member;
    }
    if (member != listed.members.end() && member->address == address) {
      continue;
    }
    if (is_unaddressed(listed, peer)) {
      changed |= change(now, peer, [](PeerRecord& held) {
        held.suspicion.reset();
        held.unlisted.reset();
        held.hold = lost_address;
      });
    } else if (authority == Authority::full && !is_own(address)) {
      changed |= change(now, peer, [&](PeerRecord& missing) {
        if (missing.suspicion && !covered) {
          begin_anew(now, *missing.suspicion);
        }
        suspect(now, missing);
      });
    }
  }
  return changed;
}

/// There are departed peers that the last read did not confirm, and another read may.
bool Membership::Impl::waits_for_restoring() const {
  if (view_.own == OwnMembership::removed) {
    return !confirmed_.own;
  }
  return view_.own != OwnMembership::missing && !departed_.empty() && !confirmed_.others;
}

std::optional<TimePoint> Membership::Impl::wants_read_at() const {
  std::optional<TimePoint> earliest;
  if (waits_for_restoring()) {
    earliest = last_read_;
  }
  const auto consider = [&](const PeerRecord& peer) {
    if (!peer.suspicion) {
      return;
    }
    // In time to cover the suspicion, at the latest when it would be confirmed.
    const TimePoint confirmed = peer.suspicion->since + delay_of(*peer.suspicion);
    const TimePoint due = std::min<TimePoint>(confirmed, last_read_ + settings_.reading_interval);
    if (!earliest || due < *earliest) {
      earliest = due;
    }
  };
  if (settings_.removal == RemovalPolicy::never) {
    // Nothing comes of a confirmation.
  } else if (view_.own == OwnMembership::missing) {
    // Such reads are incomplete for the others: only our own departure can be confirmed.
    consider(peers_.at(settings_.own_address));
  } else if (view_.own != OwnMembership::removed) {
    for (const auto& [address, peer] : peers_) {
      consider(peer);
    }
  }
  if (!earliest) {
    return std::nullopt;
  }
  return std::max<TimePoint>(*earliest, last_read_ + read_again.after(told_nothing_));
}

std::string_view path_of(std::string_view service) { return service.substr(0, service.find('=')); }

Membership::Membership(MembershipSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
Membership::~Membership() = default;
Membership::Membership(Membership&&) noexcept = default;
Membership& Membership::operator=(Membership&&) noexcept = default;

Observed Membership::observe(TimePoint now, ReadScope scope, const Read& read, Authority authority) {
  return impl_->observe(now, scope, read, authority);
}
Observed Membership::restore(TimePoint now, const std::vector<Ipv4Address>& addresses) {
  return impl_->restore(now, addresses);
}
std::vector<Ipv4Address> Membership::members() const { return impl_->members(); }
const std::shared_ptr<const Desired>& Membership::desired() const { return impl_->desired(); }
void Membership::collect(std::vector<MemberRef>& members, Desired& departed) const {
  impl_->collect(members, departed);
}
std::optional<TimePoint> Membership::wants_read_at() const { return impl_->wants_read_at(); }
const MembershipSettings& Membership::settings() const { return impl_->settings(); }
const std::string& Membership::service() const { return impl_->settings().service; }
const MembershipView& Membership::view() const { return impl_->view(); }
std::vector<MemberView> Membership::member_views() const { return impl_->member_views(); }

const ServiceRead* read_of(const Membership& service, const std::vector<ServiceRead>& reads) {
  const auto found = std::ranges::find(reads, path_of(service.service()), &ServiceRead::path);
  return found == reads.end() ? nullptr : &*found;
}

}  // namespace rancher_cnode::membership
