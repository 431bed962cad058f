// Judges the pace of one C-node: when it must and may list, probe and dial, in which order, and what it must
// report of each peer. Like the Oracle it is written apart from the code under test, by the rules of
// reconciler.hpp, and knows containers by their numbers only. It is given every event and every action.
//
// A wait is drawn at random, so the oracle reads it from the report when it begins, checks its bounds, and
// from then on holds the C-node to it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "departure_oracle.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::simulation {

using namespace membership;
using namespace reconciler;

class PaceOracle {
 public:
  /// `names`: of all containers, by number; must outlive the oracle.
  PaceOracle(int self, const ReconcilerSettings& settings, const std::vector<NodeName>& names);

  /// What the C-node wants now: its peers by number, and which of them may be dialled.
  struct Wanted {
    std::map<int, bool> peers;
    bool may_dial = true;
  };

  // The event of a step, before its actions.
  void want(TimePoint now, const Wanted& wanted);
  void listed(TimePoint now, ActionId id, const std::set<int>& connected);
  void take(TimePoint now, const event::TargetUp&) { restart(now, true); }
  void take(TimePoint now, const event::TargetDown&) { restart(now, false); }
  void take(TimePoint now, const event::ListFailed& event);
  void take(TimePoint now, const event::Probed& event);
  void take(TimePoint now, const event::Inspected& event);
  void take(TimePoint now, const event::Dialled& event);
  void take(TimePoint, const event::Disconnected&) { list_wanted_ = true; }
  void take(TimePoint, const event::ExternalChange&) { change_waits_ = up_; }
  void take(TimePoint, const event::Tick&) {}
  /// What the departed peers need, after the event.
  void add(DepartureOracle::Needs needs);

  // The actions of the step, in their order.
  void lists(TimePoint now, ActionId id);
  void probes(TimePoint now, ActionId id, int number) { starts(now, id, number, Kind::probe); }
  void inspects(TimePoint now, ActionId id, int number) { starts(now, id, number, Kind::inspect); }
  void dials(TimePoint now, ActionId id, int number) { starts(now, id, number, Kind::dial); }

  /// The end of the step. Nothing, or the rule that it broke, in words.
  [[nodiscard]] std::optional<std::string> judge(TimePoint now, const Reconciler& after);

 private:
  enum class Kind { probe, inspect, dial };
  struct Flight {
    int number;
    Kind kind;
  };
  struct Peer {
    bool member = false;
    bool dialable = false;
    bool connected = false;
    bool shown = false;             ///< a list has shown the connection
    bool tried = false;             ///< connected or failed since it became dialable, or the target came up
    bool lost = false;              ///< to be inspected before it is dialled
    std::uint32_t inspections = 0;  ///< in vain, since it was lost
    bool fresh = false;             ///< not a retry
    ActionId flight = 0;
    Kind kind = Kind::probe;  ///< of the last action
    TimePoint connected_since;
    std::uint64_t connected_in = 0;  ///< the step
    std::uint64_t queued_in = 0;     ///< the step, if fresh
    TimePoint due;                   ///< of the next start, unless one is in flight
    TimePoint drawn;                 ///< the same as drawn, though an external change brought it forward
    Duration longest_wait{};         ///< not zero: a wait began in this step
    std::uint32_t attempts = 0;      ///< failed ones, as they are reported
    std::uint32_t failures = 0;      ///< in a row, for the wait
    std::uint32_t losses = 0;
    std::uint32_t refusals = 0;  ///< of dials, in a row at one port
    std::uint16_t port = 0;      ///< as the last probe found it
    TimePoint refused_at;
    std::uint64_t change = 0;  ///< the external change that was last before the last failure
    PeerState state = PeerState::held;
    TimePoint since;

    [[nodiscard]] bool wants_dial() const { return member && dialable && !connected; }
    [[nodiscard]] bool is_queued() const { return wants_dial() && flight == 0; }
  };

  Peer& peer(int number) { return peers_[static_cast<std::size_t>(number)]; }
  void starts(TimePoint now, ActionId id, int number, Kind kind);
  [[nodiscard]] bool refuses(TimePoint now, const Peer& peer) const;
  void restart(TimePoint now, bool up);
  static void start_over(Peer& peer);
  void queue(TimePoint now, Peer& peer);
  void wait(Peer& peer, std::uint32_t failures);
  void connect(TimePoint now, Peer& peer);
  void lose(TimePoint now, Peer& peer);
  void fail(Peer& peer);
  [[nodiscard]] Duration longest_wait(std::uint32_t failures, Duration limit) const;
  Peer* answered(ActionId id, Kind kind);
  void bring_forward(TimePoint now);
  void check_turn(int number, const Peer& peer, TimePoint now);
  void check_reports(TimePoint now, const Reconciler& after);
  void check_report(TimePoint now, int number, const std::optional<PeerView>& view);
  void check_wake(TimePoint now, const Reconciler& after);
  [[nodiscard]] bool may_start() const { return up_ && ready_ && may_dial_; }
  [[nodiscard]] PeerState state_of(const Peer& peer, TimePoint now) const;
  void broken(const std::string& rule, int number = 0);

  int self_;
  ReconcilerSettings settings_;
  const std::vector<NodeName>& names_;
  std::vector<Peer> peers_;
  DepartureOracle::Needs needs_;  ///< of this step
  bool may_list_ = false;         ///< since the last list, for the sake of departed peers
  std::map<ActionId, Flight> flights_;
  bool wanted_known_ = false;
  bool may_dial_ = false;
  bool up_ = false;
  bool ready_ = false;  ///< the target has listed its connections
  ActionId list_ = 0;   ///< in flight
  std::uint64_t list_asked_in_ = 0;
  bool list_wanted_ = false;
  bool list_refused_ = false;  ///< it failed in this step
  TimePoint next_list_;
  bool change_waits_ = false;
  TimePoint next_change_;
  std::uint64_t changes_ = 0;    ///< external ones that were acted on
  int found_ = 0;                ///< by the probe or inspection that was answered in this step
  unsigned fresh_in_a_row_ = 0;  ///< starts
  std::uint64_t step_ = 1;
  std::set<int> touched_;  ///< peers that this step was about
  bool all_touched_ = false;
  std::string broken_;
};

}  // namespace rancher_cnode::simulation
