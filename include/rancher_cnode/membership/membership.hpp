// SKETCH - the owner of this room finishes it
// The history of reads: who belongs, who may be dialled, who has left. Pure; the agent feeds it.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/membership/service.hpp"
#include "rancher_cnode/node_name.hpp"
#include "rancher_cnode/policy.hpp"

namespace rancher_cnode::membership {

struct MembershipSettings {
  std::string node_basename;
  Ipv4Address own_address;
  RemovalPolicy removal = RemovalPolicy::safe;
  Milliseconds removal_delay{10'000};
  Milliseconds mass_removal_delay{60'000};
  HealthPolicy health = HealthPolicy::any;
};

/// How the service was asked for. A read by `self` that lacks our own container is partial.
enum class ReadScope { self, named };

enum class OwnPresence { unknown, present, missing, left };

/// What the reconcilers get: peers by node name.
struct Desired {
  std::set<NodeName> dialable;  ///< members that may be dialled (own node included)
  std::set<NodeName> members;   ///< all members, dialable or not: links to them are never cut
  std::set<NodeName> leavers;   ///< confirmed leavers: must go
  OwnPresence own = OwnPresence::unknown;
};

class Membership {
 public:
  explicit Membership(MembershipSettings settings);
  /// Takes one read in. Returns true if desired() changed.
  bool observe(TimePoint now, ReadScope scope, const Read& read);
  [[nodiscard]] const Desired& desired() const;
  /// When another read would let a suspicion be confirmed; nothing if no peer is under suspicion.
  [[nodiscard]] std::optional<TimePoint> wants_read_at() const;
  // + per-peer standing for status (member / not dialable because state=stopped / suspected since / leaver since),
  // + counts of dropped containers by reason, last good read, last failure, mass-removal hold
};

}  // namespace rancher_cnode::membership
