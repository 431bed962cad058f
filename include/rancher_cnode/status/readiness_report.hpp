// Reports what the initial sync is waiting for, as one sentence for the command `wait`. Pure. Used by the
// agent.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::status {

/// The targets whose initial sync is not done. With --targets all there may be thousands, each with as many
/// peers: a few examples are enough.
struct UnsyncedTargets {
  static constexpr std::size_t examples = 3;
  std::vector<status::TargetSnapshot> some;  ///< at most `examples`
  std::size_t count = 0;                     ///< the total
};

/// Never empty.
[[nodiscard]] std::string readiness_report(const membership::MembershipView& view,
                                           const UnsyncedTargets& unsynced);

}  // namespace rancher_cnode::status
