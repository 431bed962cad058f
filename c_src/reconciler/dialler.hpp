// The half of a reconciler that makes connections: the record of every member, and which of them to probe,
// inspect or dial now. Its sources: dialler.cpp (members and their connections), dial_attempts.cpp (the
// stages of an attempt). Used by reconciler only, which owns the ids and the connection list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rancher_cnode/reconciler/reconciler.hpp"
#include "reconciler/action_ids.hpp"
#include "reconciler/dial_queue.hpp"
#include "reconciler/newcomers.hpp"
#include "reconciler/peer.hpp"
#include "reconciler/random.hpp"

namespace rancher_cnode::reconciler {

class Dialler {
 public:
  /// The references must outlive this object.
  Dialler(const ReconcilerSettings& settings, ActionIds& ids, Random& random, ReconcilerCounters& counters,
          std::vector<ConnectionFact>& facts);

  void take_desired(TimePoint now, const membership::Desired& desired);

  /// Forgets connections, failures and the dials in flight: the target is away, or another one under its
  /// name. Nothing is started before its first list. Probes go on, for they are about the peers.
  void restart(TimePoint now);

  /// `listed` is the id of the list that was answered. Returns true if a peer came up without a dial of ours.
  [[nodiscard]] bool take_connections(TimePoint now, ActionId listed,
                                      const std::vector<NodeName>& connections);

  void take(TimePoint now, const event::Probed& event);
  void take(TimePoint now, const event::Inspected& event);
  void take_dial(TimePoint now, ActionId id, DialOutcome outcome);

  /// Retry delays start over; waiting peers are due.
  void retry_now();

  /// Starts what is due, as far as there are free slots.
  void start_due(TimePoint now, std::vector<Action>& actions);

  [[nodiscard]] TimePoint next_due() const;
  [[nodiscard]] bool all_tried() const { return untried_ == 0; }
  [[nodiscard]] std::vector<PeerView> peers(PeerScope scope) const;
  [[nodiscard]] std::size_t connected_peers() const;
  [[nodiscard]] std::optional<PeerView> peer(const NodeName& name) const;

 private:
  Peers::iterator add(Peers::iterator before, TimePoint now, const NodeName& name);
  Peers::iterator drop(Peers::iterator place);
  void admit(TimePoint now, Peer& peer);
  void hold(TimePoint now, Peer& peer);
  void set_standing(Peer& peer, Standing standing);
  void set_tried(Peer& peer);
  void gain_connection(TimePoint now, Peer& peer, std::optional<Duration> took = {});
  void lose_connection(TimePoint now, Peer& peer);
  void forget_connection(Peer& peer);
  static void forget_loss(Peer& peer);
  void state_completed();
  void state_reason(Peer& peer, std::string_view reason);
  void state_loss(TimePoint now, Peer& peer, std::string_view reason);
  void fail(TimePoint now, Peer& peer, std::string_view reason);
  void retry_later(TimePoint now, Peer& peer);
  void settle(TimePoint now, Peer& peer);
  void update_state(TimePoint now, Peer& peer);
  void start(TimePoint now, Peer& peer, Stage stage, std::vector<Action>& actions);
  void go_on(TimePoint now, Peer& peer);
  void note_refusal(TimePoint now, Peer& peer);
  void advance_ready(TimePoint now, std::vector<Action>& actions);
  void advance(TimePoint now, Peer& peer, const std::vector<Peer*>& in_doubt, std::vector<Action>& actions);
  void look_up(TimePoint now, const std::vector<Peer*>& members, std::vector<Action>& actions);
  [[nodiscard]] bool has_slot() const { return flights_.size() < settings_.max_dials; }
  Peer* complete(ActionId id);
  [[nodiscard]] Duration longest_wait(std::uint32_t failures, Milliseconds limit) const;
  [[nodiscard]] Duration retry_wait(std::uint32_t failures);
  [[nodiscard]] PeerView view_of(const Peer& peer) const;
  [[nodiscard]] std::string_view reason_of(const Peer& peer) const;

  const ReconcilerSettings& settings_;
  ActionIds& ids_;
  Random& random_;
  ReconcilerCounters& counters_;
  std::vector<ConnectionFact>& facts_;
  Peers peers_;
  DialQueue queue_;
  Newcomers newcomers_{settings_};
  TimePoint newcomers_due_ = TimePoint::max();
  std::unordered_map<ActionId, Peer*> flights_;
  bool may_dial_ = false;
  bool any_dialable_ = false;  ///< the target among them
  bool complete_ = false;      ///< the last list was
  bool ready_ = false;         ///< the target has listed its connections
  std::size_t untried_ = 0;
  std::uint64_t retry_epoch_ = 0;
};

}  // namespace rancher_cnode::reconciler
