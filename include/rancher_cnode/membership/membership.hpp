// The history of reads: who belongs, who may be dialled, who has left. Pure: time comes in as an argument.
// The agent feeds it every read and hands desired() to the reconcilers.
//
// What makes it hard: an answer that lacks a peer may be news, or it may be old, half made, or meant for
// someone else, and a link cut by mistake costs a cluster. So peers are added at once and removed by evidence
// only:
//
// * An unknown read changes nothing but the age of what is known.
// * A read is whole for the others if it lists our own container, or if the service was asked for by name and our
//   own container was never in it (a C-node that stands alone). Any other read, and a null or empty list, may
//   add only.
// * A peer that a whole read lacks is under suspicion: no longer dialled, its link left alone. It is a leaver once
//   every whole read lacked it for removal_delay and there were at least two. Any read that lists it clears it.
// * Once a whole read lacks more than half of the known peers whose containers were up (our own not counted),
//   none of those becomes a leaver before it was missing for mass_removal_delay, also when the others are listed
//   again meanwhile. So a service scaled from 2 to 1 takes that long.
// * Leavers, our own leaving among them, are handed out only while the last read bears them out: an unknown or
//   partial one withdraws them, for another container may have taken the address; the next whole one restores
//   them.
// * A container that is still listed but has lost its address, or has an odd one, keeps its peer: that is not
//   knowing.
// * Where our own container is never listed no read is whole: a peer that no read with containers has listed for
//   an hour is forgotten then, its links left alone.
// * Our own container is known by its address (a sidekick on its network shares it). Once it was present and
//   then every read with containers lacks it, for removal_delay and two reads, it has left, and is a leaver
//   itself. A read that lacks most of the others as well counts as a mass removal here too; what it lists for the
//   first time does not speak against that, for here the safe mistake is to stay too long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/address.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/membership/eligibility.hpp"
#include "rancher_cnode/membership/service.hpp"
#include "rancher_cnode/node_name.hpp"
#include "rancher_cnode/policy.hpp"

namespace rancher_cnode::membership {

struct MembershipSettings {
  std::string node_basename;  ///< precondition: NodeName::is_alive_name
  Ipv4Address own_address;
  /// immediate: leavers at the first whole read without them, no hold; our own leaving as under safe, without a
  /// hold. never: no leavers; what is missing by
  /// the rules above is forgotten, its links left alone.
  RemovalPolicy removal = RemovalPolicy::safe;
  Milliseconds removal_delay{10'000};
  Milliseconds mass_removal_delay{60'000};
  HealthPolicy health = HealthPolicy::any;
  /// Leavers are remembered, so that one that comes back is asked again, until this many came after it. At least
  /// 1.
  std::size_t leaver_limit = 4096;
};

/// How the service was asked for. A read by `self` that lacks our own container is partial.
enum class ReadScope { self, named };

enum class OwnPresence {
  unknown,  ///< no read has listed our own container: just started, or not of this service
  present,
  missing,  ///< it was listed, and the last read lacks it: no dialling
  left,     ///< missing for long enough: our own target must leave
};
[[nodiscard]] std::string_view to_string(OwnPresence presence);

/// What the reconcilers get: peers by node name. Immutable once handed out.
struct Desired {
  std::set<NodeName> dialable;  ///< members that may be dialled (own node included)
  std::set<NodeName>
      members;  ///< all members, dialable or not, suspected ones too: links to them are never cut
  std::set<NodeName> leavers;  ///< confirmed leavers that the last read bears out: must go. Own node included
                               ///< if it has left
  OwnPresence own = OwnPresence::unknown;
};

enum class Standing {
  dialable,
  held,       ///< listed, but must not be dialled: state, health, or no address for now
  suspected,  ///< missing from the last whole read
  leaver,
};
[[nodiscard]] std::string_view to_string(Standing standing);

/// One peer, for status.
struct PeerStanding {
  NodeName node;
  Standing standing = Standing::dialable;
  std::string reason;  ///< in words; empty if dialable
  TimePoint since;     ///< when this standing began
};

/// More than half of the known peers were missing from a whole read, or from one without us: none of those is
/// removed yet, and we do not leave. It lasts until each of them is listed again or let go.
struct MassHold {
  std::size_t missing = 0;  ///< of those that it covers; of all while we are missing too
  std::size_t known = 0;    ///< our own not counted
  TimePoint since;          ///< when the first of them went missing
};

/// Everything about the reads and about ourselves, for status and the log.
struct MembershipView {
  OwnPresence own = OwnPresence::unknown;
  TimePoint own_since;                  ///< meaningless while own is unknown
  std::optional<TimePoint> last_good;   ///< last read that was not unknown, partial ones too
  std::optional<TimePoint> last_whole;  ///< last read that could remove peers
  std::optional<TimePoint> last_unknown;
  std::string last_failure;  ///< reason of the last unknown read; kept when a good one follows
  std::uint64_t whole_reads = 0;
  std::uint64_t partial_reads = 0;
  std::uint64_t unknown_reads = 0;
  std::uint64_t removed_peers = 0;  ///< ever confirmed as leavers, or forgotten without that
  DropCounts dropped;               ///< of the last good read
  std::optional<MassHold> mass_hold;
};

class Membership {
 public:
  explicit Membership(MembershipSettings settings);
  ~Membership();
  Membership(Membership&&) noexcept;
  Membership& operator=(Membership&&) noexcept;

  /// Takes one read in. `now` must not go back. Returns true if desired() changed.
  bool observe(TimePoint now, ReadScope scope, const Read& read);

  /// Never null. The same object until observe() returns true.
  [[nodiscard]] const std::shared_ptr<const Desired>& desired() const;

  /// When another read would let a suspicion be confirmed, or a leave that was withdrawn be restored; nothing if
  /// there is none. Always at least a second after the last read, five once reads tell nothing again and again,
  /// so asking for a read at this time is no busy loop while metadata is down.
  /// O(members).
  [[nodiscard]] std::optional<TimePoint> wants_read_at() const;

  /// Changes with every observe(); cheap.
  [[nodiscard]] const MembershipView& view() const;

  /// Members and leavers in the order of their addresses, members first. Built anew on each call.
  [[nodiscard]] std::vector<PeerStanding> standings() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rancher_cnode::membership
