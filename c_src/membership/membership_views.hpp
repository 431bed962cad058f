// What is handed out of membership's tables: Desired for the reconcilers, the standings for status.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "roster.hpp"

namespace rancher_cnode::membership {

/// Whose leaving the last read bears out.
struct LeaversInForce {
  bool others = false;
  std::optional<NodeName> own;

  [[nodiscard]] bool any() const { return others || own; }
  friend bool operator==(const LeaversInForce&, const LeaversInForce&) = default;
};

[[nodiscard]] std::shared_ptr<const Desired> make_desired(const Peers& peers, const Leavers& leavers,
                                                          OwnPresence own, const LeaversInForce& in_force);

/// `own`: the name of our own node if it has left.
[[nodiscard]] std::vector<PeerStanding> make_standings(const Peers& peers, const Leavers& leavers,
                                                       const std::optional<NodeName>& own,
                                                       TimePoint own_since);

}  // namespace rancher_cnode::membership
