// Compares what should be connected (membership::Desired) with what is, for one target, and returns the
// actions that are due and the time of the next wake-up. Pure and level-triggered: it always compares the
// whole of both. The agent executes the actions and returns each result as an event.
//
// Guarantees, for any order of events (test/unit/simulation checks them with random faults):
// * In flight are at most max_dials probes, inspections and dials, max_disconnects disconnects, one list, and
//   one action for each peer.
// * Only dialable members are probed and dialled, and never the target itself. A departed peer is
//   disconnected at most once, only where departed_peers is `disconnect`, and only if the target was
//   connected to it when it departed and still is. The target is disconnected once it has departed itself.
//   Nodes that the metadata never listed are not touched.
// * New peers are tried before retries, but every fourth attempt is a retry if one is due. Both are first
//   come, first served, so no peer starves another.
// * A reachable peer is dialled again within retry_limit, plus the time for the peers before it in the queue.
//   A peer that refuses dials is dialled less and less often, down to once in refusal_limit, because each
//   refusal is a line in its application's log; it is dialled at once when its epmd has another port for it,
//   or did not know it in between.
// * A dropped connection is dialled again at the next list. If it keeps dropping, the delays grow to
//   retry_limit, because each time it comes and goes, `global` may cut connections of others.
// * A peer that the target has lost is inspected before it is dialled again. If it missed the loss and still
//   holds the old connection, the new one would replace that, and its `global` would report the loss: others
//   would be cut off. A peer that cannot be inspected is dialled all the same after max_inspections.
// * A peer waits, at most for newcomer_patience, while a member that it would connect to cannot be looked up,
//   because `global` would cut that member off. Connected members are probed before a peer is dialled, unless
//   that was done just before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/policy.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/reconciler/connection_facts.hpp"

namespace rancher_cnode::reconciler {

/// What happens to a departed peer that stays connected to the target. A container leaves by the decision of
/// its own C-node, so this side usually does nothing.
enum class DepartedPolicy {
  ignore,      ///< nothing: another C-node handles it
  report,      ///< the outcome is a fact
  disconnect,  ///< it is disconnected
};

struct ReconcilerSettings {
  NodeName target;                    ///< the BEAM that is driven; never dials itself
  std::uint32_t max_dials = 32;       ///< probes and dials in flight, together; at least 1
  std::uint32_t max_disconnects = 8;  ///< in flight; at least 1
  DepartedPolicy departed_peers = DepartedPolicy::report;
  ProbeMode probe = ProbeMode::epmd;
  Milliseconds retry_first{100};  ///< doubles with each failure; the wait is drawn from its upper half
  Milliseconds retry_limit{10'000};
  Milliseconds list_interval{1'000};
  std::uint32_t prompt_redials = 5;  ///< losses in a row after which the delays begin
  Milliseconds lasting{60'000};      ///< a connection that lasted this long ends the row
  /// Inspections of one peer that fail or find an old connection, before it is dialled all the same.
  std::uint32_t max_inspections = 3;
  /// Longest delay between two dials that a peer refuses at the same port.
  Milliseconds refusal_limit{900'000};
  /// Longest time for which a peer waits while a member that it would connect to cannot be looked up. 0 = it
  /// does not.
  Milliseconds newcomer_patience{10'000};
  Milliseconds change_interval{
      5'000};  ///< external changes take effect at most this often; later ones are delayed
  Milliseconds disconnect_spread{500};  ///< a disconnect is delayed by a random time from 0 to this
  /// A departed peer is reported as still connected after this time. Its own C-node needs as long as this one
  /// to see that it has departed, and may have started later.
  Milliseconds departed_patience{15'000};
  std::uint64_t seed = 0;  ///< of the jitter
};

enum class ProbeOutcome {
  found,
  no_answer,
  refused,
  not_registered,
  no_epmd,  ///< what listens there does not answer as an epmd does
};
inline constexpr std::size_t probe_outcomes = 5;
[[nodiscard]] std::string_view to_string(ProbeOutcome outcome);
enum class DialOutcome {
  connected,
  refused,    ///< net_kernel:connect_node/1 returned false
  silent,     ///< it returned false so late that the peer cannot have answered
  not_alive,  ///< it returned ignored: the target is not alive as a node
  no_reply,   ///< the call timed out or failed
};
inline constexpr std::size_t dial_outcomes = 5;
[[nodiscard]] std::string_view to_string(DialOutcome outcome);
enum class InspectOutcome {
  clear,      ///< the peer does not list the target, or the target lists the peer again
  refreshed,  ///< it still held the old connection, and has closed all of its connections: it returns like a
              ///< new one
  stale,      ///< it still holds the old connection
  no_answer,  ///< it could not be asked
};
enum class DisconnectOutcome {
  done,         ///< the call was made; the next list shows the outcome
  withdrawn,    ///< it was no longer departed, or no longer connected, when the call was due: nothing was
                ///< called
  claimed,      ///< another C-node runs at its address; the decision is its own
  unreachable,  ///< no connection to it could be made
  unsupported,  ///< its OTP release has no way that leaves the other connections alone
  failed,       ///< it was reached, the call failed
};
[[nodiscard]] std::string_view to_string(DisconnectOutcome outcome);

/// Identifies one action. A reconciler never uses it twice, so a late result is recognised and dropped.
using ActionId = std::uint64_t;

namespace action {
/// Ask the target for all its connections, visible and hidden.
struct ListConnections {
  ActionId id;
};
/// Ask the peer's epmd for its port, or, without epmd, connect to its distribution port.
struct Probe {
  ActionId id;
  NodeName peer;
};
/// Ask the peer, which the target has lost, whether it still lists the target. If so, let it close its
/// connections.
struct Inspect {
  ActionId id;
  NodeName peer;
};
/// Ask the target to connect to the peer.
struct Dial {
  ActionId id;
  NodeName peer;
};
/// Disconnect the peer from the cluster, if a fresh check shows that it is still departed and connected. peer
/// == target: the target has departed itself.
struct Disconnect {
  ActionId id;
  NodeName peer;
};
}  // namespace action
using Action =
    std::variant<action::ListConnections, action::Probe, action::Inspect, action::Dial, action::Disconnect>;

/// Every action must be answered by one event with its id: ListConnections by ConnectionsListed or
/// ListFailed, Probe by Probed, Inspect by Inspected, Dial by Dialled, Disconnect by Disconnected. TargetDown
/// and TargetUp end the list and the dials in flight; their results may still arrive, or not. Probes,
/// inspections and disconnects continue: their results must arrive, and they keep their slots until then.
namespace event {
/// Not null. Nothing is dialled before the first one.
struct DesiredChanged {
  std::shared_ptr<const membership::Desired> desired;
};
/// The target is connected to us, perhaps again: it may have restarted, so nothing is known of its
/// connections.
struct TargetUp {};
struct TargetDown {};
struct ConnectionsListed {
  ActionId id;
  std::vector<NodeName> connections;  ///< in any order; may contain C-nodes and nodes of other services
};
struct ListFailed {
  ActionId id;
};
struct Probed {
  ActionId id;
  ProbeOutcome outcome;
  std::uint16_t port = 0;  ///< of the peer, if it was found
};
struct Inspected {
  ActionId id;
  InspectOutcome outcome;
  std::vector<NodeName> connections =
      {};  ///< of the peer, in any order, if clear; it has none once refreshed
};
struct Dialled {
  ActionId id;
  DialOutcome outcome;
};
struct Disconnected {
  ActionId id;
  DisconnectOutcome outcome;
};
/// Something changed outside (the metadata version): waiting peers are due, and the retry delays of those
/// that do not answer probes start over. At most once in change_interval; sent more often, it acts when that
/// is over. A connection that came without a dial of ours counts as one too.
struct ExternalChange {};
struct Tick {};
}  // namespace event
using Event = std::variant<event::DesiredChanged, event::TargetUp, event::TargetDown,
                           event::ConnectionsListed, event::ListFailed, event::Probed, event::Inspected,
                           event::Dialled, event::Disconnected, event::ExternalChange, event::Tick>;

enum class PeerState {
  connected,
  held,    ///< a member that must not be dialled now, also a newcomer that waits; not connected
  queued,  ///< waits for a free slot, for the target, or for our own container to be listed again
  probing,
  inspecting,  ///< it was lost: what it takes itself for is looked up before it is dialled again
  dialling,
  waiting,  ///< failed; waits for its next try
};
[[nodiscard]] std::string_view to_string(PeerState state);

enum class PeerScope { all, unconnected };

/// One member as this target sees it. The target itself is not among them.
struct PeerView {
  NodeName node;
  PeerState state = PeerState::queued;
  std::string_view reason;  ///< why it is not connected, in words: the last failure, else what it waits for
  TimePoint since;          ///< when this state began
  std::uint32_t attempts = 0;         ///< failed ones since it was last connected
  std::optional<TimePoint> next_try;  ///< only if waiting
  std::string_view last_error = {};   ///< why the last attempt failed or the last connection went, in words
  std::optional<TimePoint> last_failed = {};  ///< of that
};

/// What to do now, in this order, and what has changed.
struct Step {
  std::vector<Action> actions;
  std::vector<ConnectionFact> facts;
};

enum class DepartedState {
  unknown,        ///< whether it is connected is being looked up
  connected,      ///< the target is still connected to it
  disconnecting,  ///< being disconnected
};
[[nodiscard]] std::string_view to_string(DepartedState state);

/// One departed peer that the target is still connected to, or may be. The target itself, once it has
/// departed, too.
struct DepartedView {
  NodeName node;
  DepartedState state = DepartedState::unknown;
  std::string_view reason;  ///< why it is still connected, in words; empty until that is known
  TimePoint since;
};

/// Totals since the start, never reset.
struct ReconcilerCounters {
  std::uint64_t lists = 0;
  std::uint64_t lists_failed = 0;
  std::uint64_t probes = 0;
  std::uint64_t probes_failed = 0;
  std::uint64_t inspections = 0;
  std::uint64_t dials = 0;
  std::uint64_t dials_failed = 0;
  std::uint64_t connections_gained = 0;  ///< connections to members that appeared, whoever made them
  std::uint64_t connections_lost = 0;    ///< connections to members that went while the target was up
  std::uint64_t disconnects = 0;
  std::uint64_t disconnects_failed = 0;
  std::uint64_t stale_answers = 0;
};

class Reconciler {
 public:
  explicit Reconciler(ReconcilerSettings settings);
  ~Reconciler();
  Reconciler(Reconciler&&) noexcept;
  Reconciler& operator=(Reconciler&&) noexcept;

  /// Takes one event in. `now` must not go back. The target counts as down until the first TargetUp.
  [[nodiscard]] Step step(TimePoint now, const Event& event);

  /// When step(now, Tick) must be called next at the latest; TimePoint::max() if only another event can bring
  /// work.
  [[nodiscard]] TimePoint next_wake() const;

  /// True once the target has listed its connections and every dialable peer is connected or has failed at
  /// least once. Starts over when the target restarts; peers that come later make it false until they too
  /// have been tried.
  [[nodiscard]] bool has_synced() const;

  /// Members in the order of their names. O(members).
  [[nodiscard]] std::vector<PeerView> peers(PeerScope scope = PeerScope::all) const;
  /// Members that the target is connected to. O(members).
  [[nodiscard]] std::size_t connected_peers() const;
  /// One of them; nothing if it is not a member. O(log members).
  [[nodiscard]] std::optional<PeerView> peer(const NodeName& name) const;
  /// In the order of their names.
  [[nodiscard]] std::vector<DepartedView> departed() const;
  [[nodiscard]] const ReconcilerCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rancher_cnode::reconciler
