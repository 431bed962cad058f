// The mass-removal guard: if too many peers go missing at once, they depart later, because the metadata is
// then more likely wrong than the peers are gone. Used by membership.
//
// Losses are counted over a window, not between two reads, so that a service that shrinks in small steps is
// guarded too. Peers that arrived within the window make up for as many that departed. Containers that were
// down do not count: nothing is lost with them, and a finished upgrade removes as many as it leaves.
#pragma once

#include <optional>

#include "membership/peer_records.hpp"

namespace rancher_cnode::membership {

class RemovalGuard {
 public:
  /// Of the settings: own_address, removal (only safe is guarded), mass_removal_delay as the window.
  explicit RemovalGuard(const MembershipSettings& settings);

  /// To be called after an authoritative read. Covers all missing peers from now on if they and the losses
  /// within the window are more than half.
  void judge(TimePoint now, PeerRecords& peers, const DepartedPeers& departed) const;

  /// To be called after a read that lacks the own container. Covers it if the read lacks most of the others
  /// too.
  void judge_own(TimePoint now, const Eligibility& listed, Suspicion& own, const PeerRecords& peers,
                 const DepartedPeers& departed);
  /// Whether a departed peer is among the recent losses. A peer that is listed again makes up for its own
  /// loss only.
  [[nodiscard]] bool counts(TimePoint now, const DepartedPeers::node_type& departed) const;

  /// The own container is listed, or has departed.
  void release_own() { own_.reset(); }

  /// What the guard covers; the own container takes precedence. Nothing if it covers nobody.
  [[nodiscard]] std::optional<MassRemovalGuardView> view(TimePoint now, const PeerRecords& peers,
                                                         const DepartedPeers& departed) const;

 private:
  [[nodiscard]] bool is_recent(TimePoint now, TimePoint when) const { return now - when < window_; }
  [[nodiscard]] bool takes_part(const PeerRecords::value_type& entry) const;
  [[nodiscard]] MassRemovalGuardView recent_losses(TimePoint now, const PeerRecords& peers,
                                                   const DepartedPeers& departed) const;
  static void add_missing(MassRemovalGuardView& hold, const PeerRecord& peer);
  [[nodiscard]] bool is_mass(const MassRemovalGuardView& hold) const;

  const Ipv4Address own_address_;
  const bool on_;
  const Milliseconds window_;
  std::optional<MassRemovalGuardView> own_;
};

/// Listed without a usable address: the peer keeps its place.
[[nodiscard]] bool is_unaddressed(const Eligibility& listed, const PeerRecord& peer);

}  // namespace rancher_cnode::membership
