// Membership by the history of reads: who is a member, who may be dialled, who has departed. Pure: time is an
// argument. The agent passes every read to observe(), and desired() to the reconcilers.
//
// An answer that lacks a peer may be true, outdated, incomplete, or meant for somebody else, and a connection
// that is cut by mistake costs a cluster. So peers are added at once, and removed only by evidence:
//
// * A read is authoritative if it lists our own container, or if the service was read by name and never
//   listed our own container (a C-node outside of its service), and if its source may remove peers. Every
//   other read, and an empty list, may only add. A failed read changes only the age of what is known.
// * A peer that an authoritative read lacks is suspected: it is not dialled, and its connection is left
//   alone. It has departed when every read has lacked it for removal_delay, and two at least. Only time that
//   reads cover counts: after a failed or incomplete read, or more than twice reading_interval without one,
//   the delay starts again. Any read that lists the peer clears it.
// * The mass-removal guard: when more than half of the peers whose containers were up (our own not counted)
//   are missing or have departed within mass_removal_delay, no missing peer departs before it has been
//   missing for mass_removal_delay, even if others are listed again meanwhile. A service that is scaled from
//   2 to 1 takes that long, too.
// * The same delay applies to peers that are missing from an answer about several services in which one has
// no
//   containers: it may have lost them for a while.
// * Departed peers, including our own container, are returned only while the latest read confirms them. A
//   failed or incomplete read suspends them, because another container may have taken the address; the next
//   authoritative read restores them. They are forgotten after departed_for.
// * A container that is still listed, but whose address is missing or invalid, keeps its peer: nothing is
//   known of it.
// * If our own container is never listed, no read is authoritative. A peer that no read with containers has
//   listed for an hour is then forgotten, and its connections are left alone.
// * Our own container is recognised by its address, which a sidekick may share. Once it was listed and then
//   lacking in every read with containers, by the same rules of delay and coverage, it has been removed and
//   has departed itself. A read that lacks most of the others as well counts as a mass removal here too. New
//   containers in it do not count against that, because the safe mistake is to stay too long.
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
  std::string service;        ///< PATH or PATH=BASENAME, as in --service: identifies it
  std::string node_basename;  ///< of its BEAMs; precondition: NodeName::is_alive_name
  Ipv4Address own_address;
  /// immediate: peers depart at the first authoritative read without them, without the guard; our own
  /// container as with safe, without the guard. never: nobody departs; a peer that is missing by the rules
  /// above is forgotten, and its connections are left alone.
  RemovalPolicy removal = RemovalPolicy::safe;
  Milliseconds removal_delay{10'000};
  Milliseconds mass_removal_delay{60'000};
  HealthPolicy health = HealthPolicy::any;
  /// While a peer is suspected, a read is needed this often; twice this without one is a gap in the evidence.
  /// At least one second.
  Milliseconds reading_interval{2'500};
};

/// The path in such a text. It refers into the argument.
[[nodiscard]] std::string_view path_of(std::string_view service);

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
      departed;  ///< departed peers that the last read confirms. Own node included if it has departed
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

/// A member as one service has it. Valid until the next read.
struct MemberRef {
  const NodeName* node;
  MemberState state;
};

/// One peer, for status.
struct MemberView {
  NodeName node;
  MemberState state = MemberState::dialable;
  std::string reason;        ///< in words; empty if dialable
  TimePoint since;           ///< when this state began
  std::string service = {};  ///< that on whose account it is a peer; of several the best for it
};

/// More than half of the peers went missing within mass_removal_delay, or a service of several has lost all
/// of its containers: no missing peer departs yet, nor does our own container. It lasts until each of them is
/// listed again or has departed.
struct MassRemovalGuardView {
  static constexpr std::size_t max_examples = 5;
  std::size_t missing = 0;  ///< those that it covers, and what was lost within mass_removal_delay; of all
                            ///< while our own container is missing too
  std::size_t known = 0;    ///< those and the others that are known, our own not counted
  TimePoint since;          ///< when the first of them went missing
  std::vector<NodeName> examples = {};  ///< the first of those that are missing now

  /// Otherwise it is for the sake of an empty service.
  [[nodiscard]] bool is_more_than_half() const { return missing * 2 > known; }
};

/// Everything about the reads and about ourselves, for status and the log.
struct MembershipView {
  OwnMembership own = OwnMembership::unknown;
  TimePoint own_since;                          ///< meaningless while own is unknown
  std::optional<TimePoint> last_answer;         ///< last successful read, also an incomplete one
  std::optional<TimePoint> last_authoritative;  ///< last read that could remove peers
  std::optional<TimePoint> last_failed;
  std::string last_failure;  ///< reason of the last failed read; kept when a successful one follows
  std::uint64_t authoritative_reads = 0;
  std::uint64_t incomplete_reads = 0;
  std::uint64_t failed_reads = 0;
  std::uint64_t removed_peers = 0;  ///< ever confirmed as departed, or forgotten without that
  DropCounts dropped;               ///< of the last good read
  std::optional<MassRemovalGuardView> mass_removal_guard;
};

/// PeerListed adds a member, PeerDeparted and PeerForgotten remove one; PeerHeld and PeerReleased say which
/// of them may not be dialled. Nothing else changes Desired::members and Desired::dialable. Our own container
/// is a member like any other.
namespace fact {
struct PeerListed {
  NodeName peer;
  std::string service;
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
/// Of set_services. The peers that only this service had are forgotten.
struct ServiceRemoved {
  std::string service;
};
struct ServiceAdded {
  std::string service;
};
struct OwnMembershipChanged {
  OwnMembership before;
  OwnMembership after;
};
/// No answer about our own service has listed our own container for 10 s. Stated once.
struct OwnUnlisted {
  static constexpr std::size_t max_examples = 5;

  std::string service;
  std::string own = {};                  ///< our address
  std::size_t containers = 0;            ///< what the last answer lists
  std::vector<std::string> listed = {};  ///< the first of them, as "name: address"
  std::string known_as = {};             ///< our address by the metadata; "" = not known
};
/// Another number of listed containers than in the last answer makes no peers for this reason.
struct ContainersSkipped {
  DropReason reason;
  Dropped containers;
  std::string service;
};
struct MassRemovalGuard {
  std::optional<MassRemovalGuardView> on;  ///< nothing: it is off
  std::string service;
  Milliseconds left = {};  ///< none departs before
};
}  // namespace fact
using MembershipFact =
    std::variant<fact::PeerListed, fact::PeerHeld, fact::PeerReleased, fact::PeerDeparted,
                 fact::PeerForgotten, fact::ServiceRemoved, fact::ServiceAdded, fact::OwnMembershipChanged,
                 fact::OwnUnlisted, fact::ContainersSkipped, fact::MassRemovalGuard>;

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

  /// Before the first answer: adds peers that were members in an earlier run, without evidence. Those that no
  /// answer lists are forgotten when they would depart. Our own address is left out.
  Observed restore(TimePoint now, const std::vector<Ipv4Address>& addresses);
  /// Addresses of the members, in their order.
  [[nodiscard]] std::vector<Ipv4Address> members() const;

  /// Never null. The same object until observe() reports a change. Built when it is asked for.
  [[nodiscard]] const std::shared_ptr<const Desired>& desired() const;

  /// What desired() is made of, for a union with other services: the members are appended, departed and
  /// suspended peers added to those of `departed`.
  void collect(std::vector<MemberRef>& members, Desired& departed) const;

  /// When another read is needed to cover or confirm a suspicion, or to restore suspended peers; nothing if
  /// there is none. At least one second after the last read, and five after repeated failures, so that
  /// reading at this time is not a busy loop while the metadata is down. O(members).
  [[nodiscard]] std::optional<TimePoint> wants_read_at() const;

  [[nodiscard]] const MembershipSettings& settings() const;
  [[nodiscard]] const std::string& service() const;  ///< of the settings

  /// Changes with every observe(); cheap.
  [[nodiscard]] const MembershipView& view() const;

  /// Members and departed peers in the order of their addresses, members first. Built on each call.
  [[nodiscard]] std::vector<MemberView> member_views() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The read of the path of this service; null if it is none of those.
[[nodiscard]] const ServiceRead* read_of(const Membership& service, const std::vector<ServiceRead>& reads);

}  // namespace rancher_cnode::membership
