// What the first round still waits for, as one sentence: the last words of the command `wait`. Pure. Used by the agent.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::agent {

/// The targets whose round is not done. With all targets they may be thousands, each with as many peers: a few are
/// enough to tell.
struct Unfinished {
  static constexpr std::size_t examples = 3;
  std::vector<status::TargetSnapshot> some;  ///< at most `examples`
  std::size_t count = 0;                     ///< of all of them
};

/// Never empty.
[[nodiscard]] std::string what_is_missing(const membership::MembershipView& view,
                                          const Unfinished& unfinished);

}  // namespace rancher_cnode::agent
