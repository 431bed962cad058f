#include "rancher_cnode/membership/membership.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace rancher_cnode::membership {
namespace {

/// The pace of asking again while a suspicion waits for a read that tells something.
constexpr Milliseconds read_again{1'000};
constexpr std::uint32_t reads_needed = 2;
constexpr std::string_view lost_address = "listed, but without an address for now";

struct Suspicion {
  TimePoint since;
  std::uint32_t reads = 0;
};

struct Peer {
  NodeName node;
  TimePoint since;
  std::string uuid;
  std::string name;
  std::string hold;
  std::optional<Suspicion> suspicion;

  [[nodiscard]] Standing standing() const {
    if (suspicion) return Standing::suspected;
    return hold.empty() ? Standing::dialable : Standing::held;
  }
};

struct Leaver {
  NodeName node;
  TimePoint since;
};

}  // namespace

class Membership::Impl {
 public:
  explicit Impl(MembershipSettings settings) : settings_(std::move(settings)) {}

  bool observe(TimePoint now, ReadScope scope, const Read& read);
  const std::shared_ptr<const Desired>& desired() const { return desired_; }
  std::optional<TimePoint> wants_read_at() const;
  const MembershipView& view() const { return view_; }
  std::vector<PeerStanding> standings() const;

 private:
  enum class Wholeness { partial, whole };
  using Peers = std::map<Ipv4Address, Peer>;

  bool observe(TimePoint now, ReadScope scope, const Service& service);
  bool judge_own(TimePoint now, const Eligibility& listed);
  bool add_listed(TimePoint now, const Eligibility& listed);
  bool look_for_missing(TimePoint now, const Eligibility& listed, Wholeness wholeness);
  bool remove_leavers(TimePoint now);
  void drop_oldest_leavers();
  void rebuild();

  template <class Change>
  static bool change(TimePoint now, Peer& peer, Change&& apply);
  static void suspect(TimePoint now, Peer& peer);
  [[nodiscard]] bool is_confirmed(TimePoint now, const Suspicion& suspicion, Milliseconds delay) const;
  [[nodiscard]] bool is_own(Ipv4Address address) const { return address == settings_.own_address; }
  [[nodiscard]] std::optional<MassHold> mass_hold() const;
  [[nodiscard]] std::optional<MassHold> hold_of_own(const Eligibility& listed, const Suspicion& own) const;
  [[nodiscard]] std::optional<MassHold> held(const MassHold& hold) const;
  [[nodiscard]] Milliseconds delay_of(const std::optional<MassHold>& hold) const;
  bool set_own(TimePoint now, OwnPresence presence);

  MembershipSettings settings_;
  Peers peers_;
  std::map<Ipv4Address, Leaver> leavers_;
  std::shared_ptr<const Desired> desired_ = std::make_shared<const Desired>();
  MembershipView view_;
  std::optional<MassHold> own_hold_;  ///< while our own container is missing along with most of the others
  TimePoint last_read_;
};

/// Its container is listed, but has no address: null is not knowing.
bool is_unaddressed(const Eligibility& listed, const Peer& peer) {
  return std::binary_search(listed.unaddressed.begin(), listed.unaddressed.end(), peer.uuid);
}

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

bool Membership::Impl::is_confirmed(TimePoint now, const Suspicion& suspicion, Milliseconds delay) const {
  if (settings_.removal == RemovalPolicy::immediate) return true;
  return suspicion.reads >= reads_needed && now >= suspicion.since + delay;
}

bool Membership::Impl::observe(TimePoint now, ReadScope scope, const Read& read) {
  last_read_ = now;
  if (const auto* unknown = std::get_if<Unknown>(&read)) {
    ++view_.unknown_reads;
    view_.last_unknown = now;
    view_.last_failure = unknown->reason;
    return false;
  }
  return observe(now, scope, std::get<Service>(read));
}

bool Membership::Impl::observe(TimePoint now, ReadScope scope, const Service& service) {
  view_.last_good = now;
  Eligibility listed = judge(service, settings_.health);
  view_.dropped = std::move(listed.dropped);
  if (service.containers.empty()) {
    ++view_.partial_reads;
    return false;
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
    changed |= remove_leavers(now);
  } else {
    ++view_.partial_reads;
  }
  view_.mass_hold = mass_hold();
  if (changed) rebuild();
  return changed;
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
  own_hold_ = hold_of_own(listed, *own->second.suspicion);
  const bool left = settings_.removal != RemovalPolicy::never &&
                    is_confirmed(now, *own->second.suspicion, delay_of(own_hold_));
  if (left) {
    peers_.erase(own);
    own_hold_.reset();
  }
  return set_own(now, left ? OwnPresence::left : OwnPresence::missing);
}

/// A read without us that lacks most of the others too is more likely a broken snapshot than the end of us
/// all.
std::optional<MassHold> Membership::Impl::hold_of_own(const Eligibility& listed, const Suspicion& own) const {
  MassHold hold{0, 0, own.since};
  for (const auto& [address, peer] : peers_) {
    if (is_own(address)) continue;
    ++hold.known;
    if (listed.find(address) == nullptr && !is_unaddressed(listed, peer)) ++hold.missing;
  }
  return held(hold);
}

bool Membership::Impl::add_listed(TimePoint now, const Eligibility& listed) {
  bool changed = false;
  auto known = peers_.begin();
  for (const Member& member : listed.members) {
    while (known != peers_.end() && known->first < member.address) ++known;
    if (known == peers_.end() || known->first != member.address) {
      leavers_.erase(member.address);
      Peer peer{NodeName::of(settings_.node_basename, member.address), now, {}, {}, {}, {}};
      known = peers_.emplace_hint(known, member.address, std::move(peer));
      changed = true;
    }
    changed |= change(now, known->second, [&](Peer& peer) {
      peer.uuid = member.uuid;
      peer.name = member.name;
      peer.hold = member.hold;
      peer.suspicion.reset();
    });
  }
  return changed;
}

bool Membership::Impl::look_for_missing(TimePoint now, const Eligibility& listed, Wholeness wholeness) {
  bool changed = false;
  auto member = listed.members.begin();
  for (auto& [address, peer] : peers_) {
    while (member != listed.members.end() && member->address < address) ++member;
    if (member != listed.members.end() && member->address == address) continue;
    if (is_unaddressed(listed, peer)) {
      changed |= change(now, peer, [](Peer& held) {
        held.suspicion.reset();
        held.hold = lost_address;
      });
    } else if (wholeness == Wholeness::whole && !is_own(address)) {
      changed |= change(now, peer, [now](Peer& missing) { suspect(now, missing); });
    }
  }
  return changed;
}

/// More than half of them, and under the policy that holds them at all.
std::optional<MassHold> Membership::Impl::held(const MassHold& hold) const {
  if (settings_.removal != RemovalPolicy::safe || hold.missing * 2 <= hold.known) return std::nullopt;
  return hold;
}

std::optional<MassHold> Membership::Impl::mass_hold() const {
  if (own_hold_) return own_hold_;
  MassHold hold{0, 0, TimePoint::max()};
  for (const auto& [address, peer] : peers_) {
    if (is_own(address)) continue;
    ++hold.known;
    if (!peer.suspicion) continue;
    ++hold.missing;
    hold.since = std::min(hold.since, peer.suspicion->since);
  }
  return held(hold);
}

Milliseconds Membership::Impl::delay_of(const std::optional<MassHold>& hold) const {
  if (!hold) return settings_.removal_delay;
  return std::max(settings_.mass_removal_delay, settings_.removal_delay);
}

bool Membership::Impl::remove_leavers(TimePoint now) {
  view_.mass_hold = mass_hold();
  const Milliseconds delay = delay_of(view_.mass_hold);
  const std::size_t before = peers_.size();
  for (auto next = peers_.begin(); next != peers_.end();) {
    const auto current = next++;
    const Peer& peer = current->second;
    if (is_own(current->first) || !peer.suspicion || !is_confirmed(now, *peer.suspicion, delay)) continue;
    if (settings_.removal != RemovalPolicy::never) leavers_.emplace(current->first, Leaver{peer.node, now});
    peers_.erase(current);
  }
  const std::size_t removed = before - peers_.size();
  view_.removed_peers += removed;
  if (removed > 0) drop_oldest_leavers();
  return removed > 0;
}

void Membership::Impl::drop_oldest_leavers() {
  if (leavers_.size() <= settings_.leaver_limit) return;
  std::vector<std::pair<TimePoint, Ipv4Address>> by_age;
  by_age.reserve(leavers_.size());
  for (const auto& [address, leaver] : leavers_) by_age.emplace_back(leaver.since, address);
  std::sort(by_age.begin(), by_age.end());
  by_age.resize(leavers_.size() - settings_.leaver_limit);
  for (const auto& [since, address] : by_age) leavers_.erase(address);
}

void Membership::Impl::rebuild() {
  auto desired = std::make_shared<Desired>();
  desired->own = view_.own;
  // Sorted first, then put in at the end: far faster for thousands of them than each finding its place.
  std::vector<const Peer*> by_name;
  by_name.reserve(peers_.size());
  for (const auto& [address, peer] : peers_) by_name.push_back(&peer);
  std::ranges::sort(by_name, {}, [](const Peer* peer) -> const std::string& { return peer->node.str(); });
  for (const Peer* peer : by_name) {
    desired->members.insert(desired->members.end(), peer->node);
    if (peer->standing() == Standing::dialable) desired->dialable.insert(desired->dialable.end(), peer->node);
  }
  for (const auto& [address, leaver] : leavers_) desired->leavers.insert(leaver.node);
  if (view_.own == OwnPresence::left) {
    desired->leavers.insert(NodeName::of(settings_.node_basename, settings_.own_address));
  }
  desired_ = std::move(desired);
}

std::optional<TimePoint> Membership::Impl::wants_read_at() const {
  // Under `never` nothing comes of a confirmation; under `immediate` no suspicion lasts.
  if (settings_.removal != RemovalPolicy::safe) return std::nullopt;
  std::optional<TimePoint> earliest;
  const auto consider = [&](const Peer& peer, Milliseconds delay) {
    if (!peer.suspicion) return;
    const TimePoint confirmed = peer.suspicion->since + delay;
    if (!earliest || confirmed < *earliest) earliest = confirmed;
  };
  if (view_.own == OwnPresence::missing) {
    // Such reads are partial for the others: only our own leaving can be confirmed.
    consider(peers_.at(settings_.own_address), delay_of(own_hold_));
  } else if (view_.own != OwnPresence::left) {
    for (const auto& [address, peer] : peers_) consider(peer, delay_of(view_.mass_hold));
  }
  if (earliest) earliest = std::max(*earliest, last_read_ + read_again);
  return earliest;
}

std::vector<PeerStanding> Membership::Impl::standings() const {
  std::vector<PeerStanding> result;
  result.reserve(peers_.size() + leavers_.size() + 1);
  for (const auto& [address, peer] : peers_) {
    const Standing standing = peer.standing();
    std::string reason = standing == Standing::suspected ? "missing from the metadata" : peer.hold;
    result.push_back({peer.node, standing, std::move(reason), peer.since, peer.name});
  }
  for (const auto& [address, leaver] : leavers_) {
    result.push_back({leaver.node, Standing::leaver, "left the service", leaver.since, {}});
  }
  if (view_.own == OwnPresence::left) {
    result.push_back({NodeName::of(settings_.node_basename, settings_.own_address),
                      Standing::leaver,
                      "our own container left the service",
                      view_.own_since,
                      {}});
  }
  return result;
}

std::string_view to_string(OwnPresence presence) {
  switch (presence) {
    case OwnPresence::unknown:
      return "unknown";
    case OwnPresence::present:
      return "present";
    case OwnPresence::missing:
      return "missing";
    case OwnPresence::left:
      return "left";
  }
  return "unknown";
}

std::string_view to_string(Standing standing) {
  switch (standing) {
    case Standing::dialable:
      return "dialable";
    case Standing::held:
      return "held";
    case Standing::suspected:
      return "suspected";
    case Standing::leaver:
      return "leaver";
  }
  return "unknown";
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
