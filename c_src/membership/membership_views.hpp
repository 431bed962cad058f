// What is handed out of membership's tables: Desired for the reconcilers, the member_views for status.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "membership/peer_records.hpp"

namespace rancher_cnode::membership {

/// Whose departure the last read confirms.
struct Confirmed {
  bool others = false;
  bool own = false;

  friend bool operator==(const Confirmed&, const Confirmed&) = default;
};

void collect_members(const PeerRecords& peers, std::vector<MemberRef>& members);
void collect_departed(const DepartedPeers& departed, const std::optional<NodeName>& departed_own,
                      Confirmed confirmed, Desired& into);
/// Once for all members: of several of one name the one in the best state counts.
void take_members(std::vector<MemberRef> members, Desired& into);

/// All of these for one service.
[[nodiscard]] std::shared_ptr<const Desired> make_desired(const PeerRecords& peers,
                                                          const DepartedPeers& departed, OwnMembership own,
                                                          const std::optional<NodeName>& departed_own,
                                                          Confirmed confirmed);

/// `departed_own`: the name of our own node if it has departed.
[[nodiscard]] std::vector<MemberView> make_member_views(const PeerRecords& peers,
                                                        const DepartedPeers& departed,
                                                        const std::optional<NodeName>& departed_own,
                                                        TimePoint own_since);

}  // namespace rancher_cnode::membership
