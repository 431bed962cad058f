// The state of Membership and what is done about a read. Used by its sources: membership.cpp looks after the
// others, own_membership.cpp after our own container, and removal.cpp removes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "membership/coverage.hpp"
#include "membership/membership_views.hpp"
#include "membership/peer_records.hpp"
#include "membership/removal_guard.hpp"
#include "rancher_cnode/membership/membership.hpp"

namespace rancher_cnode::membership {

/// For how long answers may lack our own container before that is reported.
inline constexpr Milliseconds unlisted_patience{10'000};

/// As the fact has it. Of this answer.
[[nodiscard]] fact::OwnUnlisted own_unlisted(const std::string& path, const std::string& own,
                                             const Service& service);

class Membership::Impl {
 public:
  explicit Impl(MembershipSettings settings) : settings_(std::move(settings)) {}

  Observed observe(TimePoint now, ReadScope scope, const Read& read, Authority authority) {
    const bool changed = take(now, scope, read, authority);
    return {changed, std::exchange(facts_, {})};
  }
  Observed restore(TimePoint now, const std::vector<Ipv4Address>& addresses);
  std::vector<Ipv4Address> members() const;
  const std::shared_ptr<const Desired>& desired() const {
    if (!desired_) {
      desired_ = make_desired(peers_, departed_, view_.own, departed_own(), confirmed_);
    }
    return desired_;
  }
  void collect(std::vector<MemberRef>& members, Desired& departed) const {
    collect_members(peers_, members);
    collect_departed(departed_, departed_own(), confirmed_, departed);
  }
  std::optional<TimePoint> wants_read_at() const;
  const MembershipSettings& settings() const { return settings_; }
  const MembershipView& view() const { return view_; }
  std::vector<MemberView> member_views() const {
    auto views = make_member_views(peers_, departed_, departed_own(), view_.own_since);
    for (auto& view : views) {
      view.service = settings_.service;
    }
    return views;
  }

 private:
  bool take(TimePoint now, ReadScope scope, const Read& read, Authority authority);
  bool take(TimePoint now, ReadScope scope, const Service& service, Authority authority);
  void take_dropped(DropCounts dropped);
  void state_unlisted(TimePoint now, ReadScope scope, const Service& service);
  void state_guard(TimePoint now);
  bool tells_nothing();
  bool confirm(Confirmed confirmed);
  bool judge_own(TimePoint now, const Eligibility& listed, Authority authority);
  PeerRecords::iterator add(TimePoint now, PeerRecords::iterator place, Ipv4Address address,
                            std::optional<TimePoint> arrived);
  bool add_listed(TimePoint now, const Eligibility& listed);
  bool look_for_missing(TimePoint now, const Eligibility& listed, Authority authority);
  void hold_suspicions();
  bool forget_unlisted(TimePoint now, const Eligibility& listed);
  bool remove_confirmed(TimePoint now);
  bool forget_departed(TimePoint now);
  void rebuild() { desired_.reset(); }

  template <class Change>
  bool change(TimePoint now, PeerRecord& peer, Change&& apply);
  static void suspect(TimePoint now, PeerRecord& peer);
  static void begin_anew(TimePoint now, Suspicion& suspicion);
  [[nodiscard]] bool is_confirmed(TimePoint now, const Suspicion& suspicion) const;
  [[nodiscard]] bool is_lasting(TimePoint now, const Suspicion& suspicion) const;
  [[nodiscard]] Milliseconds delay_of(const Suspicion& suspicion) const;
  [[nodiscard]] bool is_own(Ipv4Address address) const { return address == settings_.own_address; }
  [[nodiscard]] std::optional<NodeName> departed_own() const;
  [[nodiscard]] bool waits_for_restoring() const;
  bool set_own(TimePoint now, OwnMembership own);

  MembershipSettings settings_;
  RemovalGuard guard_{settings_};
  Coverage of_others_{2 * settings_.reading_interval};
  Coverage of_own_{2 * settings_.reading_interval};
  PeerRecords peers_;
  DepartedPeers departed_;
  mutable std::shared_ptr<const Desired> desired_;  ///< null until it is asked for
  Confirmed confirmed_;
  MembershipView view_;
  TimePoint last_read_;
  std::vector<MembershipFact> facts_;        ///< of this read
  std::optional<TimePoint> unlisted_since_;  ///< the first answer about our own service, while none lists us
  bool unlisted_stated_ = false;
  bool synced_ = false;             ///< a read has listed somebody
  std::uint32_t told_nothing_ = 0;  ///< reads in a row that could confirm nothing
};

/// Applies a change to a peer, and states why it is not dialled if that is new. True if it may be dialled now
/// and could not be before, or the other way round.
template <class Change>
bool Membership::Impl::change(TimePoint now, PeerRecord& peer, Change&& apply) {
  const MemberState before = peer.state();
  const std::string reason(peer.reason());
  apply(peer);
  const MemberState after = peer.state();
  if (before != after) {
    peer.since = now;
  }
  if (peer.reason() != reason) {
    if (after == MemberState::dialable) {
      facts_.emplace_back(fact::PeerReleased{peer.node});
    } else {
      facts_.emplace_back(fact::PeerHeld{peer.node, std::string(peer.reason())});
    }
  }
  return (before == MemberState::dialable) != (after == MemberState::dialable);
}

}  // namespace rancher_cnode::membership
