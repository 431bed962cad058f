// The half of a reconciler that makes links: every member with what is known of it, and which of them to
// probe or dial now. Used by reconciler only, which owns the ids and the link list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "action_ids.hpp"
#include "dial_queue.hpp"
#include "rancher_cnode/membership/reconciler.hpp"
#include "random.hpp"

namespace rancher_cnode::membership {

class Dialler {
 public:
  /// The references must outlive this object.
  Dialler(const ReconcilerSettings& settings, ActionIds& ids, Random& random, ReconcilerCounters& counters);

  void take_desired(TimePoint now, const Desired& desired);

  /// Forgets links, failures and the dials in flight: the target is away, or another one under its name. Nothing
  /// is started before its first list. Probes go on, for they are about the peers.
  void restart(TimePoint now);

  /// `listed` is the id of the list that was answered. Returns true if a peer came up without a dial of ours.
  [[nodiscard]] bool take_links(TimePoint now, ActionId listed, const std::vector<NodeName>& links);

  void take_probe(TimePoint now, ActionId id, ProbeOutcome outcome, std::vector<Action>& actions);
  void take_inspection(TimePoint now, ActionId id, InspectOutcome outcome, std::vector<Action>& actions);
  void take_dial(TimePoint now, ActionId id, DialOutcome outcome);

  /// Retry delays start over; waiting peers are due.
  void hurry();

  /// Starts what is due, as far as there are free slots.
  void start_due(TimePoint now, std::vector<Action>& actions);

  [[nodiscard]] TimePoint next_due() const;
  [[nodiscard]] bool all_tried() const { return untried_ == 0; }
  [[nodiscard]] std::vector<PeerView> peers(PeerScope scope) const;
  [[nodiscard]] std::size_t connected_peers() const;
  [[nodiscard]] std::optional<PeerView> peer(const NodeName& name) const;

 private:
  enum class Step { probe, inspect, dial };
  struct Peer : Queued {
    const NodeName* name = nullptr;  ///< the key in peers_
    bool member = true;              ///< false: kept for the answer to its action in flight
    bool dialable = false;
    bool linked = false;
    bool listed = false;            ///< a list has shown the link
    bool untried = false;           ///< counted in untried_
    bool lost = false;              ///< connected once, and no longer: to be inspected before it is dialled
    std::uint32_t inspections = 0;  ///< in vain, since it was lost
    ActionId flight = 0;            ///< the action whose answer is waited for
    Step step = Step::probe;
    ActionId judged_from = 0;  ///< lists before this one may be older than the link
    ActionId seen_in = 0;      ///< the last list that showed the link
    TimePoint linked_since;
    std::string_view reason;
    std::uint32_t attempts = 0;
    std::uint32_t failures = 0;     ///< in a row, since hurry()
    std::uint32_t losses = 0;       ///< since a link lasted, or the target or the peer was new
    std::uint64_t hurry_epoch = 0;  ///< the one that `failures` belong to
    PeerState state = PeerState::queued;
    TimePoint since;
  };
  using Peers = std::map<NodeName, Peer>;
  Peers::iterator add(Peers::iterator before, TimePoint now, const NodeName& name);
  Peers::iterator drop(Peers::iterator place);
  void set_dialable(TimePoint now, Peer& peer, bool dialable);
  static void start_over(Peer& peer);
  void set_untried(Peer& peer, bool untried);
  void gain_link(TimePoint now, Peer& peer);
  void lose_link(TimePoint now, Peer& peer);
  void fail(TimePoint now, Peer& peer, std::string_view reason);
  void settle(TimePoint now, Peer& peer);
  void update_state(TimePoint now, Peer& peer);
  void start(TimePoint now, Peer& peer, Step step, std::vector<Action>& actions);
  void start_next(TimePoint now, Peer& peer, Step done, std::vector<Action>& actions);
  Peer* land(ActionId id);
  [[nodiscard]] bool keeps_dropping(TimePoint now, Peer& peer) const;
  [[nodiscard]] Duration retry_wait(std::uint32_t failures);
  [[nodiscard]] static bool wants_dial(const Peer& peer);
  [[nodiscard]] PeerView view_of(const Peer& peer) const;
  [[nodiscard]] static PeerState state_of(const Peer& peer);
  [[nodiscard]] static PeerState in_flight(Step step);
  [[nodiscard]] std::string_view reason_of(const Peer& peer) const;

  const ReconcilerSettings& settings_;
  ActionIds& ids_;
  Random& random_;
  ReconcilerCounters& counters_;
  Peers peers_;
  DialQueue queue_;
  std::unordered_map<ActionId, Peer*> flights_;
  bool may_dial_ = false;
  bool ready_ = false;  ///< the target has listed its links
  std::size_t untried_ = 0;
  std::uint64_t hurry_epoch_ = 0;
};

}  // namespace rancher_cnode::membership
