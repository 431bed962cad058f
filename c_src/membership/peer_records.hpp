// What membership keeps of each peer, departed ones too. Used by membership, removal_guard and
// membership_views only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "rancher_cnode/membership/membership.hpp"

namespace rancher_cnode::membership {

/// A peer is missing from every authoritative read (our own container: from every read with containers) since
/// `since`, and reads cover the time from then on.
struct Suspicion {
  TimePoint since;
  std::uint32_t reads = 0;
  bool held = false;  ///< the mass-removal guard covers it, or did once: the longer delay applies
};

struct PeerRecord {
  NodeName node;
  TimePoint since;                   ///< of the state
  std::optional<TimePoint> arrived;  ///< nothing: with the first read that listed anybody
  std::string uuid;
  std::string hold;  ///< why it must not be dialled; empty if it may be
  bool up = true;    ///< whether its container was up when it was listed last
  std::optional<Suspicion> suspicion;
  bool restored = false;              ///< no read has listed it: then it never departs
  std::optional<TimePoint> unlisted;  ///< the first of the incomplete reads in a row that lack it

  [[nodiscard]] MemberState state() const {
    if (suspicion) {
      return MemberState::suspected;
    }
    return hold.empty() ? MemberState::dialable : MemberState::held;
  }
  /// Why it is not dialled, in words; empty if dialable.
  [[nodiscard]] std::string_view reason() const {
    return suspicion ? std::string_view("missing from the metadata") : std::string_view(hold);
  }
};

struct DepartedPeer {
  NodeName node;
  TimePoint since;
  bool up = true;  ///< its container was, when it was listed last
};

using PeerRecords = std::map<Ipv4Address, PeerRecord>;
using DepartedPeers = std::map<Ipv4Address, DepartedPeer>;

}  // namespace rancher_cnode::membership
