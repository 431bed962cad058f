// Judges what one C-node does about departed peers: whom it has disconnected, when and how often, what it
// states, and when it must look. Written apart from the code under test, by the rules of reconciler.hpp, and
// knows containers by their numbers only. It is given every event, every action and every fact.
//
// A wait before others are disconnected is drawn at random and reported nowhere: in its time the oracle
// allows what may come, and after it demands what must.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::simulation {

using namespace membership;
using namespace reconciler;

class DepartureOracle {
 public:
  /// `names`: of all containers, by number; must outlive the oracle.
  DepartureOracle(int self, const ReconcilerSettings& settings, const std::vector<NodeName>& names)
      : self_(self), settings_(settings), names_(names) {}

  struct Wanted {
    std::set<int> members;
    std::set<int> departed;
    std::set<int> suspended;
  };

  // The event of a step, before its actions.
  void want(TimePoint now, Wanted wanted);
  void listed(TimePoint now, ActionId id, const std::set<int>& connected);
  void take(TimePoint now, const event::Disconnected& event);
  void take(TimePoint, const event::TargetUp&) { restart(), up_ = true; }
  void take(TimePoint, const event::TargetDown&) { restart(), up_ = false; }
  void take(TimePoint, const event::ListFailed& event) { list_.reset_if(event.id); }
  template <class Other>
  void take(TimePoint, const Other&) {}

  /// What departures ask of the lists and of the next wake-up.
  struct Needs {
    bool list = false;      ///< one is wanted now
    bool may_list = false;  ///< a random wait may end at any time
    TimePoint wake = TimePoint::max();
    std::set<TimePoint> may_wake;  ///< waits that were begun, over or not needed any more
    TimePoint may_wake_until;      ///< random ones
  };
  /// After the event of each step, once.
  [[nodiscard]] Needs needs(TimePoint now);

  // The actions of the step, and what it states.
  void lists(TimePoint now, ActionId id) { list_ = {id, step_, now}; }
  void disconnects(TimePoint now, ActionId id, int number);
  void states(int number, const reconciler::fact::Departed& fact);

  /// The end of the step. Nothing, or the rule that it broke, in words.
  [[nodiscard]] std::optional<std::string> judge(const Reconciler& after);

  /// It was asked, or there was nothing to ask for, or it is none of this C-node's business.
  [[nodiscard]] bool is_seen_off(int number) const;

 private:
  struct List {
    ActionId id = 0;
    std::uint64_t step = 0;
    TimePoint at;
    void reset_if(ActionId answered) { id = id == answered ? 0 : id; }
  };
  struct Peer {
    std::uint64_t from = 0;          ///< lists that were asked before this step do not count
    std::optional<TimePoint> shown;  ///< a list showed it then, and the wait runs, or is over
    bool looked_up = false;          ///< the wait is over, and a list was wanted for that
    bool settled = false;            ///< nothing more is done about it
    bool seen_off = false;           ///< it was asked, or there was nothing to ask for
    ActionId flight = 0;
    std::optional<Departure> stated;
    TimePoint since;

    [[nodiscard]] bool waits() const { return shown && !settled && flight == 0; }
  };

  void restart();
  void look(Peer& peer) const;
  void state(int number, Peer& peer, Departure departure);
  void shows(TimePoint now, int number, Peer& peer, const List& list);
  [[nodiscard]] bool asks(int number) const;
  [[nodiscard]] Duration longest_wait(int number) const;
  [[nodiscard]] bool is_random(int number) const { return asks(number) && number != self_; }
  [[nodiscard]] bool is_of_cluster(int number) const;
  void check_reports(const Reconciler& after);
  void broken(const std::string& rule, int number);

  int self_;
  ReconcilerSettings settings_;
  const std::vector<NodeName>& names_;
  Wanted wanted_;
  std::map<int, Peer> peers_;
  std::map<ActionId, int> flights_;
  bool up_ = false;
  List list_;
  bool list_wanted_ = false;
  std::set<TimePoint> begun_;
  TimePoint random_until_;
  std::set<int> may_ask_;   ///< in this step
  std::set<int> must_ask_;  ///< in this step, if there is a slot
  std::set<std::pair<int, Departure>> to_state_;
  std::uint64_t step_ = 1;
  std::string broken_;
};

}  // namespace rancher_cnode::simulation
