// What membership keeps of each peer and of each leaver. Used by membership and membership_views only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "rancher_cnode/membership/membership.hpp"

namespace rancher_cnode::membership {

/// A peer is missing from every whole read (our own: from every read with containers) since `since`.
struct Suspicion {
  TimePoint since;
  std::uint32_t reads = 0;
  bool held = false;  ///< a mass hold covers it, or once did: it takes the longer time
};

struct Peer {
  NodeName node;
  TimePoint since;  ///< of the standing
  std::string uuid;
  std::string hold;  ///< why it must not be dialled, in words; empty: it may be
  bool up = true;    ///< its container was, when it was listed last
  std::optional<Suspicion> suspicion;
  std::optional<TimePoint> unlisted;  ///< the first of the partial reads in a row that lack it

  [[nodiscard]] Standing standing() const {
    if (suspicion) return Standing::suspected;
    return hold.empty() ? Standing::dialable : Standing::held;
  }
};

struct Leaver {
  NodeName node;
  TimePoint since;
};

using Peers = std::map<Ipv4Address, Peer>;
using Leavers = std::map<Ipv4Address, Leaver>;

}  // namespace rancher_cnode::membership
