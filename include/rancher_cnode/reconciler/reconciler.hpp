// membership::Desired against connected, for one target: the actions due now, and when to wake next. Pure and
// level-triggered: what is compared is the whole of what should be with the whole of what is, again and
// again. The agent has one for each target; it carries out the actions and brings every answer back as an
// event.
//
// Guarantees, whatever the order of events (test/unit/simulation/simulation_test.cpp tries them with random
// faults, and counts the turns in the dial queue while new peers arrive all the time):
// * At most max_dials probes and dials, max_disconnects disconnects and one list are in flight, and one dial a peer.
// * Only dialable members are probed and dialled; the target itself is never dialled. Only departed peers that the
//   target was connected to when they departed, and is still, are disconnected, each once, and only where
//   departed_peers says so; the target is disconnected once it has departed itself. Nodes that metadata never named
//   are not touched.
// * New peers go before retries, but every fourth start is a retry's if one is due; both are served first come,
//   first served. So no peer starves another.
// * A peer that can be reached is dialled again within retry_limit, plus the time that the peers before it in the
//   queue take. One that refuses dials is dialled ever less often, down to once in refusal_limit, because each costs a
//   line in its application's log; at once when its epmd has another port for it, or had none meanwhile. A connection that drops is dialled again at the next list; one that drops again and again after waits that
//   grow to retry_limit, because each time it comes and goes `global` may cut connections of others, too.
// * A peer that the target has lost is inspected before it is dialled again: one that was away and still holds the
//   old connection would, when the new one replaces it, have its `global` report the loss, and others would cut it or
//   one another. Whoever cannot be inspected is dialled all the same after max_inspections.
// * A peer waits, for newcomer_patience at most, while a member that it would connect to cannot be looked up: `global`
//   would cut that member off. Connected members are probed before a peer is dialled, if that was not done lately.
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

/// What is done about a departed peer that stays connected to the target. A container leaves by its own C-node's
/// decision, so nothing is the rule.
enum class DepartedPolicy {
  ignore,      ///< nothing: somebody else sees to it
  report,      ///< what becomes of it is stated as a fact
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
  std::uint32_t prompt_redials = 5;  ///< after so many losses in a row the waits begin
  Milliseconds lasting{60'000};      ///< a connection that lasted so long ends the row
  /// Of one peer, that fail or find an old connection, before it is dialled all the same.
  std::uint32_t max_inspections = 3;
  /// A peer that refuses dials at the same port of its epmd's is dialled at least this seldom in the end.
  Milliseconds refusal_limit{900'000};
  /// A peer is held so long at most while a member that it would connect to cannot be looked up; 0: not at all.
  Milliseconds newcomer_patience{10'000};
  Milliseconds change_interval{5'000};  ///< news act at most this often; later ones wait for it
  Milliseconds disconnect_spread{500};  ///< random wait before a peer is disconnected, 0 to this
  /// A departed peer is reported as still connected after this; its own C-node needs as long as this one to see that
  /// it has departed, and may have begun later.
  Milliseconds departed_patience{15'000};
  std::uint64_t seed = 0;  ///< of the jitter
};

enum class ProbeOutcome {
  found,
  no_answer,
  refused,
  not_registered,
  no_epmd,  ///< something listens there, and does not answer as an epmd does
};
enum class DialOutcome {
  connected,
  refused,    ///< net_kernel:connect_node/1 said false
  silent,     ///< it said false after so long that the peer cannot have answered
  not_alive,  ///< it said ignored: the target is not alive as a node
  no_reply,   ///< the call timed out or failed
};
enum class InspectOutcome {
  clear,  ///< the peer does not list the target, or the target lists the peer again
  refreshed,  ///< it still held the old connection, and has given up its connections: it comes back like a new one
  stale,      ///< it still holds the old connection
  no_answer,  ///< it could not be asked
};
enum class DisconnectOutcome {
  done,       ///< the call was made; what came of it is seen in the next list
  withdrawn,  ///< it was no longer departed, or no longer connected, when the call was due: nothing was called
  claimed,    ///< another C-node lives at its address, whose decision it is
  unreachable,  ///< no connection to it could be made
  unsupported,  ///< its OTP release offers no way that spares the others
  failed,       ///< it was reached, the call failed
};
[[nodiscard]] std::string_view to_string(DisconnectOutcome outcome);

/// Names one action. Never used twice by one reconciler, so an answer that comes late is known as such and
/// dropped.
using ActionId = std::uint64_t;

namespace action {
/// Ask the target for all its connections, visible and hidden.
struct ListConnections {
  ActionId id;
};
/// Ask the peer's epmd for its port.
struct Probe {
  ActionId id;
  NodeName peer;
};
/// Look whether the peer, which the target has lost, still takes itself for connected to the target. If so, have it give
/// its connections up.
struct Inspect {
  ActionId id;
  NodeName peer;
};
/// Ask the target to connection itself to the peer.
struct Dial {
  ActionId id;
  NodeName peer;
};
/// Disconnect the peer from the cluster, after a look that it is still departed and connected. peer == target: the
/// target has departed itself.
struct Disconnect {
  ActionId id;
  NodeName peer;
};
}  // namespace action
using Action =
    std::variant<action::ListConnections, action::Probe, action::Inspect, action::Dial, action::Disconnect>;

/// Every action must be answered by one event with its id: ListConnections by ConnectionsListed or ListFailed, Probe by
/// Probed, Inspect by Inspected, Dial by Dialled, Disconnect by Disconnected. TargetDown and TargetUp end the list and the dials in flight,
/// whose answers may come after it or not. Probes, inspections and disconnects go on: they must be answered still, and keep their
/// slots until then.
namespace event {
/// Not null. Also the first one: before it, nothing is dialled.
struct DesiredChanged {
  std::shared_ptr<const membership::Desired> desired;
};
/// The target is connected to us, perhaps anew: it may have restarted, so all that was known of its connections is
/// void.
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
/// Something changed outside (the metadata version): waiting peers are due, and the retry delays of those that do
/// not answer probes start over. At most once in change_interval; sent more often, it acts when that is over. A
/// connection that came without a dial of ours counts as news too.
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
  std::optional<TimePoint> next_try;  ///< only if waiting; for the tests of the retry delays
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

/// One departed peer that the target is still connected to, or may be. The target itself, once it has departed, too.
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

  /// True once the target has listed its connections and every dialable peer is connected or has failed at least once.
  /// Starts over when the target restarts; peers that come later make it false until they too have been
  /// tried.
  [[nodiscard]] bool has_synced() const;

  /// Members in the order of their names. O(members).
  [[nodiscard]] std::vector<PeerView> peers(PeerScope scope = PeerScope::all) const;
  /// Members that the target is connected to. O(members).
  [[nodiscard]] std::size_t connected_peers() const;
  /// One of them; nothing if it is no member. O(log members).
  [[nodiscard]] std::optional<PeerView> peer(const NodeName& name) const;
  /// In the order of their names.
  [[nodiscard]] std::vector<DepartedView> departed() const;
  [[nodiscard]] const ReconcilerCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rancher_cnode::reconciler
