// The history of reads: who belongs, who may be dialled, who has departed. Pure: time comes in as an argument.
// The agent feeds it every read and hands desired() to the reconcilers.
//
// What makes it hard: an answer that lacks a peer may be true, or it may be old, half made, or meant for
// someone else, and a connection that is cut by mistake costs a cluster. So peers are added at once and removed
// by evidence only:
//
// * A read is authoritative for the others if it lists our own container, or if the service was asked for by name
//   and our own container was never in it (a C-node that stands alone), and its source may remove at all. Any
//   other read, and a null or empty list, may add only. A failed read changes nothing but the age of what is known.
// * A peer that an authoritative read lacks is suspected: no longer dialled, its connection left alone. It has
//   departed once every read lacked it for removal_delay, and there were at least two. Only time that answers cover
//   counts: after a failed or incomplete read, or more than twice reading_interval without one, the delay begins
//   anew. Any read that lists the peer clears it.
// * The guard against mass removal: once more than half of the peers whose containers were up (our own not
//   counted) are missing or have departed within mass_removal_delay, none of those that are missing departs before
//   it was missing for mass_removal_delay, also when others are listed again meanwhile. So a service scaled from 2
//   to 1 takes that long.
// * Departed peers, our own container among them, are handed out only while the last read confirms them: a failed
//   or incomplete one suspends them, for another container may have taken the address; the next authoritative one
//   restores them. They are forgotten after departed_for.
// * A container that is still listed but has lost its address, or has an odd one, keeps its peer: that is not
//   knowing.
// * Where our own container is never listed no read is authoritative: a peer that no read with containers has
//   listed for an hour is forgotten then, its connections left alone.
// * Our own container is known by its address (a sidekick on its network shares it). Once it was listed and then
//   every read with containers lacks it, by the same rules of delay and coverage, it has been removed, and has
//   departed itself. A read that lacks most of the others as well counts as a mass removal here too; what it lists
//   for the first time does not speak against that, for here the safe mistake is to stay too long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/policy.hpp"
#include "rancher_cnode/membership/eligibility.hpp"
#include "rancher_cnode/membership/service.hpp"

namespace rancher_cnode::membership {

struct MembershipSettings {
  std::string node_basename;  ///< precondition: NodeName::is_alive_name
  Ipv4Address own_address;
  /// immediate: departed at the first authoritative read without them, no guard; our own container as under safe,
  /// without the guard. never: nobody departs; what is missing by the rules above is forgotten, its connections
  /// left alone.
  RemovalPolicy removal = RemovalPolicy::safe;
  Milliseconds removal_delay{10'000};
  Milliseconds mass_removal_delay{60'000};
  HealthPolicy health = HealthPolicy::any;
  /// While somebody is suspected a read is wanted this often; twice this without one is a gap in the evidence. At
  /// least a second.
  Milliseconds reading_interval{2'500};
};

/// How the service was asked for. A read by `self` that lacks our own container is partial.
enum class ReadScope { self, named };

enum class OwnMembership {
  unknown,  ///< no read has listed our own container: just started, or not of this service
  listed,
  missing,  ///< it was listed, and the last read lacks it: no dialling
  removed,  ///< missing for long enough: the own target must disconnect
};
[[nodiscard]] std::string_view to_string(OwnMembership membership);

/// What the reconcilers get: peers by node name. Immutable once handed out.
struct Desired {
  std::set<NodeName> dialable;  ///< members that may be dialled (own node included)
  std::set<NodeName>
      members;  ///< all members, dialable or not, suspected ones too: connections to them are never cut
  std::set<NodeName>
      departed;  ///< departed peers that the last read confirms. Own node included if it has left
  std::set<NodeName> suspended;  ///< departed peers, and our own node, that the last read does not confirm
  OwnMembership own = OwnMembership::unknown;
};

enum class MemberState {
  dialable,
  held,       ///< listed, but must not be dialled: state, health, or no address for now
  suspected,  ///< missing from the last authoritative read
  departed,
};
[[nodiscard]] std::string_view to_string(MemberState state);

/// One peer, for status.
struct MemberView {
  NodeName node;
  MemberState state = MemberState::dialable;
  std::string reason;  ///< in words; empty if dialable
  TimePoint since;     ///< when this state began
};

/// More than half of the peers went missing within mass_removal_delay: none of those that are missing departs yet,
/// nor does our own container. It lasts until each of them is listed again or has departed.
struct MassRemovalGuardView {
  std::size_t missing = 0;  ///< those that it covers, and what was lost within mass_removal_delay; of all
                            ///< while our own container is missing too
  std::size_t known = 0;    ///< those and the others that are known, our own not counted
  TimePoint since;          ///< when the first of them went missing
};

/// Everything about the reads and about ourselves, for status and the log.
struct MembershipView {
  OwnMembership own = OwnMembership::unknown;
  TimePoint own_since;                          ///< meaningless while own is unknown
  std::optional<TimePoint> last_answer;         ///< last read that was not unknown, partial ones too
  std::optional<TimePoint> last_authoritative;  ///< last read that could remove peers
  std::optional<TimePoint> last_failed;
  std::string last_failure;  ///< reason of the last unknown read; kept when a good one follows
  std::uint64_t authoritative_reads = 0;
  std::uint64_t incomplete_reads = 0;
  std::uint64_t failed_reads = 0;
  std::uint64_t removed_peers = 0;  ///< ever confirmed as departed, or forgotten without that
  DropCounts dropped;               ///< of the last good read
  std::optional<MassRemovalGuardView> mass_removal_guard;
};

/// PeerListed adds a member, PeerDeparted and PeerForgotten remove one; PeerHeld and PeerReleased say which of them may
/// not be dialled. Nothing else changes Desired::members and Desired::dialable. Our own container is a member like any
/// other.
namespace fact {
struct PeerListed {
  NodeName peer;
};
/// Stated once for each reason: state, health, no address, or missing from the metadata.
struct PeerHeld {
  NodeName peer;
  std::string reason;
};
struct PeerReleased {
  NodeName peer;
};
struct PeerDeparted {
  NodeName peer;
};
/// It is not dialled any more, and its connections are left alone.
struct PeerForgotten {
  NodeName peer;
};
struct OwnMembershipChanged {
  OwnMembership before;
  OwnMembership after;
};
/// No answer about our own service has listed our own container for 10 s. Stated once.
struct OwnUnlisted {};
/// Another number of listed containers than in the last answer makes no peers for this reason; not stated for 0.
struct ContainersSkipped {
  DropReason reason;
  Dropped containers;
};
struct MassRemovalGuard {
  std::optional<MassRemovalGuardView> on;  ///< nothing: it is off
};
}  // namespace fact
using MembershipFact = std::variant<fact::PeerListed, fact::PeerHeld, fact::PeerReleased, fact::PeerDeparted,
                                    fact::PeerForgotten, fact::OwnMembershipChanged, fact::OwnUnlisted,
                                    fact::ContainersSkipped, fact::MassRemovalGuard>;

/// What one read has changed.
struct Observed {
  bool desired_changed = false;
  std::vector<MembershipFact> facts;
};

class Membership {
 public:
  explicit Membership(MembershipSettings settings);
  ~Membership();
  Membership(Membership&&) noexcept;
  Membership& operator=(Membership&&) noexcept;

  /// Takes one read in. `now` must not go back.
  Observed observe(TimePoint now, ReadScope scope, const Read& read, Authority authority = Authority::full);

  /// Never null. The same object until observe() reports a change.
  [[nodiscard]] const std::shared_ptr<const Desired>& desired() const;

  /// When another read is wanted, so that a suspicion is covered by reads or confirmed, or departed peers that were
  /// suspended are restored; nothing if there is none. Always at least a second after the last read, five once reads
  /// fail again and again, so asking for a read at this time is no busy loop while metadata is down.
  /// O(members).
  [[nodiscard]] std::optional<TimePoint> wants_read_at() const;

  /// Changes with every observe(); cheap.
  [[nodiscard]] const MembershipView& view() const;

  /// Members and departed peers in the order of their addresses, members first. Built anew on each call.
  [[nodiscard]] std::vector<MemberView> member_views() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rancher_cnode::membership
