// The guard against mass removal: what is missing departs later if it is too much at once, for then the metadata is
// more likely wrong than the peers are gone. Used by membership.
//
// Losses are counted over a window, not between two reads, so that a service that crumbles in small steps is guarded
// as well; those who came within it make up for as many who departed. Containers that were down take no part: nothing is lost with them, and an upgrade that is finished removes
// as many as it leaves.
#pragma once

#include <optional>

#include "membership/peer_records.hpp"

namespace rancher_cnode::membership {

class RemovalGuard {
 public:
  /// Of the settings: own_address, removal (only safe is guarded), mass_removal_delay as the window.
  explicit RemovalGuard(const MembershipSettings& settings);

  /// After an authoritative read: from now on covers all that are missing, if they and what was lost within the window
  /// are more than half.
  void judge(TimePoint now, PeerRecords& peers, const DepartedPeers& departed) const;

  /// After a read that lacks our own container: covers it if the read lacks most of the others too.
  void judge_own(TimePoint now, const Eligibility& listed, Suspicion& own, const PeerRecords& peers,
                 const DepartedPeers& departed);
  /// Whether a departed peer is among the recent losses. One that is listed again makes up for its own loss only.
  [[nodiscard]] bool counts(TimePoint now, const DepartedPeers::node_type& departed) const;

  /// Our own container is listed, or has departed.
  void release_own() { own_.reset(); }

  /// What is covered; that of our own container goes before. Nothing if nothing is.
  [[nodiscard]] std::optional<MassRemovalGuardView> view(TimePoint now, const PeerRecords& peers,
                                                         const DepartedPeers& departed) const;

 private:
  [[nodiscard]] bool is_recent(TimePoint now, TimePoint when) const { return now - when < window_; }
  [[nodiscard]] bool takes_part(const PeerRecords::value_type& entry) const;
  [[nodiscard]] MassRemovalGuardView recent_losses(TimePoint now, const PeerRecords& peers,
                                                   const DepartedPeers& departed) const;
  [[nodiscard]] bool is_mass(const MassRemovalGuardView& hold) const;

  const Ipv4Address own_address_;
  const bool on_;
  const Milliseconds window_;
  std::optional<MassRemovalGuardView> own_;
};

/// Listed, but without an address that can be used: that is not knowing.
[[nodiscard]] bool is_unaddressed(const Eligibility& listed, const PeerRecord& peer);

}  // namespace rancher_cnode::membership
