#include "rancher_cnode/membership/membership.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "membership_views.hpp"
#include "roster.hpp"

namespace rancher_cnode::membership {
namespace {

/// The pace of asking again while a read that would tell something is waited for: it doubles with every one
/// that tells nothing, for each may end a long-poll early.
constexpr Milliseconds read_again{1'000};
constexpr Milliseconds read_again_limit{5'000};
/// Where our own container is never listed no read can remove, and peers would pile up over the years.
constexpr std::chrono::hours forgotten_after{1};
constexpr std::uint32_t reads_needed = 2;
constexpr std::string_view lost_address = "listed, but without a usable address for now";

/// Its container is listed, but has no usable address: that is not knowing.
bool is_unaddressed(const Eligibility& listed, const Peer& peer) {
  return std::binary_search(listed.unaddressed.begin(), listed.unaddressed.end(), peer.uuid);
}

}  // namespace

class Membership::Impl {
 public:
  explicit Impl(MembershipSettings settings) : settings_(std::move(settings)) {}

  bool observe(TimePoint now, ReadScope scope, const Read& read);
  const std::shared_ptr<const Desired>& desired() const { return desired_; }
  std::optional<TimePoint> wants_read_at() const;
  const MembershipView& view() const { return view_; }
  std::vector<PeerStanding> standings() const {
    return make_standings(peers_, leavers_, left_name(), view_.own_since);
  }

 private:
  enum class Wholeness { partial, whole };

  bool observe(TimePoint now, ReadScope scope, const Service& service);
  bool tells_nothing();
  bool put_in_force(LeaversInForce in_force);
  bool judge_own(TimePoint now, const Eligibility& listed);
  bool add_listed(TimePoint now, const Eligibility& listed);
  bool look_for_missing(TimePoint now, const Eligibility& listed, Wholeness wholeness);
  bool forget_unlisted(TimePoint now, const Eligibility& listed);
  bool remove_leavers(TimePoint now);
  void drop_oldest_leavers();
  void rebuild() { desired_ = make_desired(peers_, leavers_, view_.own, in_force_); }

  template <class Change>
  static bool change(TimePoint now, Peer& peer, Change&& apply);
  static void suspect(TimePoint now, Peer& peer);
  [[nodiscard]] bool is_confirmed(TimePoint now, const Suspicion& suspicion) const;
  [[nodiscard]] bool is_lasting(TimePoint now, const Suspicion& suspicion) const;
  [[nodiscard]] Milliseconds delay_of(const Suspicion& suspicion) const;
  [[nodiscard]] bool is_own(Ipv4Address address) const { return address == settings_.own_address; }
  [[nodiscard]] std::optional<NodeName> left_name() const;
  [[nodiscard]] bool is_mass(const MassHold& hold) const;
  void hold_missing();
  void show_hold();
  void hold_own(const Eligibility& listed, Suspicion& own);
  [[nodiscard]] bool waits_for_restoring() const;
  bool set_own(TimePoint now, OwnPresence presence);

  MembershipSettings settings_;
  Peers peers_;
  Leavers leavers_;
  std::shared_ptr<const Desired> desired_ = std::make_shared<const Desired>();
  LeaversInForce in_force_;
  MembershipView view_;
  std::optional<MassHold> own_hold_;  ///< while our own suspicion is held
  TimePoint last_read_;
  std::uint32_t told_nothing_ = 0;  ///< reads in a row that could confirm nothing
};

/// Applies a change to a peer; true if it may be dialled now and could not be before, or the other way round.
template <class Change>
bool Membership::Impl::change(TimePoint now, Peer& peer, Change&& apply) {
  const Standing before = peer.standing();
  apply(peer);
  const Standing after = peer.standing();
  if (before != after) peer.since = now;
  return (before == Standing::dialable) != (after == Standing::dialable);
}

void Membership::Impl::suspect(TimePoint now, Peer& peer) {
  if (!peer.suspicion) peer.suspicion = Suspicion{now, 0};
  ++peer.suspicion->reads;
}

Milliseconds Membership::Impl::delay_of(const Suspicion& suspicion) const {
  if (!suspicion.held) return settings_.removal_delay;
  return std::max(settings_.mass_removal_delay, settings_.removal_delay);
}

bool Membership::Impl::is_confirmed(TimePoint now, const Suspicion& suspicion) const {
  return settings_.removal == RemovalPolicy::immediate || is_lasting(now, suspicion);
}

bool Membership::Impl::is_lasting(TimePoint now, const Suspicion& suspicion) const {
  return suspicion.reads >= reads_needed && now >= suspicion.since + delay_of(suspicion);
}

bool Membership::Impl::observe(TimePoint now, ReadScope scope, const Read& read) {
  last_read_ = now;
  if (const auto* unknown = std::get_if<Unknown>(&read)) {
    ++view_.unknown_reads;
    view_.last_unknown = now;
    view_.last_failure = unknown->reason;
    return tells_nothing();
  }
  return observe(now, scope, std::get<Service>(read));
}

bool Membership::Impl::observe(TimePoint now, ReadScope scope, const Service& service) {
  view_.last_good = now;
  Eligibility listed = judge(service, settings_.health);
  view_.dropped = std::move(listed.dropped);
  if (service.containers.empty()) {
    ++view_.partial_reads;
    return tells_nothing();
  }

  // Before the others: whether a read may remove them depends on whether it lists us.
  bool changed = judge_own(now, listed);
  const bool alone = scope == ReadScope::named && view_.own == OwnPresence::unknown;
  const Wholeness wholeness =
      alone || view_.own == OwnPresence::present ? Wholeness::whole : Wholeness::partial;

  changed |= add_listed(now, listed);
  changed |= look_for_missing(now, listed, wholeness);
  if (wholeness == Wholeness::whole) {
    ++view_.whole_reads;
    view_.last_whole = now;
    hold_missing();
    changed |= remove_leavers(now);
  } else {
    ++view_.partial_reads;
    changed |= forget_unlisted(now, listed);
  }
  show_hold();
  const bool tells = wholeness == Wholeness::whole || view_.own != OwnPresence::unknown;
  told_nothing_ = tells ? 0 : told_nothing_ + 1;
  changed |= put_in_force({wholeness == Wholeness::whole, left_name()});
  if (changed) rebuild();
  return changed;
}

/// What was true at the last read that told something need not be true any more: another container may have
/// taken a leaver's address since.
bool Membership::Impl::tells_nothing() {
  ++told_nothing_;
  if (!put_in_force({})) return false;
  rebuild();
  return true;
}

/// Returns true if leavers come into Desired or go from it by this.
bool Membership::Impl::put_in_force(LeaversInForce in_force) {
  in_force.others = in_force.others && !leavers_.empty();
  return std::exchange(in_force_, in_force) != in_force;
}

std::optional<NodeName> Membership::Impl::left_name() const {
  if (view_.own != OwnPresence::left) return std::nullopt;
  return NodeName::of(settings_.node_basename, settings_.own_address);
}

bool Membership::Impl::set_own(TimePoint now, OwnPresence presence) {
  if (view_.own == presence) return false;
  view_.own = presence;
  view_.own_since = now;
  return true;
}

bool Membership::Impl::judge_own(TimePoint now, const Eligibility& listed) {
  const auto own = peers_.find(settings_.own_address);
  const bool without_address = own != peers_.end() && is_unaddressed(listed, own->second);
  if (without_address || listed.find(settings_.own_address) != nullptr) {
    own_hold_.reset();
    return set_own(now, OwnPresence::present);
  }
  if (own == peers_.end()) return false;  // never present, or left already

  change(now, own->second, [now](Peer& peer) { suspect(now, peer); });
  hold_own(listed, *own->second.suspicion);
  const bool left = settings_.removal != RemovalPolicy::never && is_lasting(now, *own->second.suspicion);
  if (left) {
    peers_.erase(own);
    own_hold_.reset();
  }
  return set_own(now, left ? OwnPresence::left : OwnPresence::missing);
}

/// A read without us that lacks most of the others too is more likely a broken snapshot than the end of us
/// all.
void Membership::Impl::hold_own(const Eligibility& listed, Suspicion& own) {
  MassHold hold{0, 0, own.since};
  for (const auto& [address, peer] : peers_) {
    if (is_own(address)) continue;
    ++hold.known;
    if (listed.find(address) == nullptr && !is_unaddressed(listed, peer)) ++hold.missing;
  }
  own.held = own.held || is_mass(hold);
  own_hold_ = own.held ? std::optional(hold) : std::nullopt;
}

bool Membership::Impl::add_listed(TimePoint now, const Eligibility& listed) {
  bool changed = false;
  auto known = peers_.begin();
  for (const Member& member : listed.members) {
    while (known != peers_.end() && known->first < member.address) ++known;
    if (known == peers_.end() || known->first != member.address) {
      leavers_.erase(member.address);
      Peer peer{.node = NodeName::of(settings_.node_basename, member.address),
                .since = now,
                .uuid = {},
                .hold = {},
                .up = true,
                .suspicion = {},
                .unlisted = {}};
      known = peers_.emplace_hint(known, member.address, std::move(peer));
      changed = true;
    }
    changed |= change(now, known->second, [&](Peer& peer) {
      // Where two share the address, the one that made the peer stays its own even if it has none for now.
      if (!is_unaddressed(listed, peer)) peer.uuid = member.uuid;
      peer.hold = member.hold;
      peer.up = member.up;
      peer.suspicion.reset();
      peer.unlisted.reset();
    });
  }
  return changed;
}

/// Our own is never suspected here: a whole read lists it, or it was never among the peers.
bool Membership::Impl::look_for_missing(TimePoint now, const Eligibility& listed, Wholeness wholeness) {
  bool changed = false;
  auto member = listed.members.begin();
  for (auto& [address, peer] : peers_) {
    while (member != listed.members.end() && member->address < address) ++member;
    if (member != listed.members.end() && member->address == address) continue;
    if (is_unaddressed(listed, peer)) {
      changed |= change(now, peer, [](Peer& held) {
        held.suspicion.reset();
        held.unlisted.reset();
        held.hold = lost_address;
      });
    } else if (wholeness == Wholeness::whole) {
      changed |= change(now, peer, [now](Peer& missing) { suspect(now, missing); });
    }
  }
  return changed;
}

/// For partial reads: what none of them has listed for long is no longer dialled, and its links are left
/// alone.
bool Membership::Impl::forget_unlisted(TimePoint now, const Eligibility& listed) {
  const std::size_t before = peers_.size();
  for (auto next = peers_.begin(); next != peers_.end();) {
    const auto current = next++;
    auto& [address, peer] = *current;
    if (peer.suspicion || listed.find(address) != nullptr || is_unaddressed(listed, peer)) continue;
    if (!peer.unlisted) peer.unlisted = now;
    if (now - *peer.unlisted >= forgotten_after) peers_.erase(current);
  }
  view_.removed_peers += before - peers_.size();
  return peers_.size() != before;
}

/// More than half of them, and under the policy that holds them at all.
bool Membership::Impl::is_mass(const MassHold& hold) const {
  return settings_.removal == RemovalPolicy::safe && hold.missing * 2 > hold.known;
}

/// A hold covers all that are missing when it begins, until each of them is listed again or let go. Those whose
/// container was down take no part: to let go of them costs nothing, and an upgrade that is finished removes as
/// many as it leaves.
void Membership::Impl::hold_missing() {
  MassHold all;
  for (const auto& [address, peer] : peers_) {
    if (is_own(address) || !peer.up) continue;
    ++all.known;
    if (peer.suspicion) ++all.missing;
  }
  if (!is_mass(all)) return;
  for (auto& [address, peer] : peers_) {
    if (peer.up && peer.suspicion) peer.suspicion->held = true;
  }
}

/// Our own hold is the graver news.
void Membership::Impl::show_hold() {
  MassHold hold{0, 0, TimePoint::max()};
  for (const auto& [address, peer] : peers_) {
    if (is_own(address) || !peer.up) continue;
    ++hold.known;
    if (!peer.suspicion || !peer.suspicion->held) continue;
    ++hold.missing;
    hold.since = std::min(hold.since, peer.suspicion->since);
  }
  view_.mass_hold = own_hold_;
  if (!own_hold_ && hold.missing > 0) view_.mass_hold = hold;
}

bool Membership::Impl::remove_leavers(TimePoint now) {
  const std::size_t before = peers_.size();
  for (auto next = peers_.begin(); next != peers_.end();) {
    const auto current = next++;
    const Peer& peer = current->second;
    if (!peer.suspicion || !is_confirmed(now, *peer.suspicion)) continue;
    if (settings_.removal != RemovalPolicy::never) leavers_.emplace(current->first, Leaver{peer.node, now});
    peers_.erase(current);
  }
  const std::size_t removed = before - peers_.size();
  view_.removed_peers += removed;
  drop_oldest_leavers();
  return removed > 0;
}

/// Those that came together go together: none is dropped before it had its time to be asked.
void Membership::Impl::drop_oldest_leavers() {
  if (leavers_.size() <= settings_.leaver_limit) return;
  std::vector<TimePoint> youngest;
  youngest.reserve(leavers_.size());
  for (const auto& [address, leaver] : leavers_) youngest.push_back(leaver.since);
  const auto last = youngest.begin() + static_cast<std::ptrdiff_t>(settings_.leaver_limit) - 1;
  std::nth_element(youngest.begin(), last, youngest.end(), std::greater<>());
  std::erase_if(leavers_, [oldest = *last](const auto& entry) { return entry.second.since < oldest; });
}

/// There are leavers that the last read did not bear out, and another read may.
bool Membership::Impl::waits_for_restoring() const {
  if (view_.own == OwnPresence::left) return !in_force_.own;
  return view_.own != OwnPresence::missing && !leavers_.empty() && !in_force_.others;
}

std::optional<TimePoint> Membership::Impl::wants_read_at() const {
  std::optional<TimePoint> earliest;
  if (waits_for_restoring()) earliest = last_read_;
  const auto consider = [&](const Peer& peer) {
    if (!peer.suspicion) return;
    const TimePoint confirmed = peer.suspicion->since + delay_of(*peer.suspicion);
    if (!earliest || confirmed < *earliest) earliest = confirmed;
  };
  if (settings_.removal == RemovalPolicy::never) {
    // Nothing comes of a confirmation.
  } else if (view_.own == OwnPresence::missing) {
    // Such reads are partial for the others: only our own leaving can be confirmed.
    consider(peers_.at(settings_.own_address));
  } else if (view_.own != OwnPresence::left) {
    for (const auto& [address, peer] : peers_) consider(peer);
  }
  if (!earliest) return std::nullopt;
  Milliseconds pause = read_again;
  for (std::uint32_t i = 1; i < told_nothing_ && pause < read_again_limit; ++i) pause *= 2;
  return std::max<TimePoint>(*earliest, last_read_ + std::min(pause, read_again_limit));
}

Membership::Membership(MembershipSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
Membership::~Membership() = default;
Membership::Membership(Membership&&) noexcept = default;
Membership& Membership::operator=(Membership&&) noexcept = default;

bool Membership::observe(TimePoint now, ReadScope scope, const Read& read) {
  return impl_->observe(now, scope, read);
}
const std::shared_ptr<const Desired>& Membership::desired() const { return impl_->desired(); }
std::optional<TimePoint> Membership::wants_read_at() const { return impl_->wants_read_at(); }
const MembershipView& Membership::view() const { return impl_->view(); }
std::vector<PeerStanding> Membership::standings() const { return impl_->standings(); }

}  // namespace rancher_cnode::membership
