// A reconciler under test, its actions sorted by kind, and short ways to answer them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "rancher_cnode/reconciler/reconciler.hpp"
#include "support/unit/samples.hpp"

namespace rancher_cnode::reconciler::samples {

using namespace membership::samples;
using membership::Desired;
using membership::OwnMembership;

inline std::shared_ptr<const Desired> desired(std::set<NodeName> dialable, std::set<NodeName> departed = {},
                                              OwnMembership own = OwnMembership::listed) {
  Desired result;
  result.members = dialable;
  result.dialable = std::move(dialable);
  result.departed = std::move(departed);
  result.own = own;
  return std::make_shared<const Desired>(std::move(result));
}

inline std::shared_ptr<const Desired> departing(std::set<NodeName> dialable, std::set<NodeName> departed,
                                                OwnMembership own = OwnMembership::listed) {
  return desired(std::move(dialable), std::move(departed), own);
}

/// As departing(), but the last read does not confirm it.
inline std::shared_ptr<const Desired> suspending(std::set<NodeName> dialable, std::set<NodeName> suspended,
                                                 OwnMembership own = OwnMembership::listed) {
  auto result = std::make_shared<Desired>(*desired(std::move(dialable), {}, own));
  result->suspended = std::move(suspended);
  return result;
}

/// Our own container, number 1, has departed; the departures of others are suspended then.
inline std::shared_ptr<const Desired> own_departing(std::set<NodeName> dialable,
                                                    std::set<NodeName> suspended = {}) {
  auto result = std::make_shared<Desired>(
      *suspending(std::move(dialable), std::move(suspended), OwnMembership::removed));
  result->departed = {node(1)};
  return result;
}

/// `held` are members that must not be dialled.
inline std::shared_ptr<const Desired> holding(const std::set<NodeName>& held,
                                              std::set<NodeName> dialable = {}) {
  Desired result = *desired(std::move(dialable));
  result.members.insert(held.begin(), held.end());
  return std::make_shared<const Desired>(std::move(result));
}

inline std::set<NodeName> first_nodes(int count, int from = 2) {
  std::set<NodeName> result;
  for (int number = from; number < from + count; ++number) {
    result.insert(node(number));
  }
  return result;
}

/// Container 1 is ourselves, so node 1 is the target. Newcomers are not held: newcomers_test.cpp is about
/// that.
inline ReconcilerSettings driving_node_1() {
  ReconcilerSettings settings{.target = node(1)};
  settings.newcomer_patience = Milliseconds::zero();
  return settings;
}

class Driver {
 public:
  explicit Driver(ReconcilerSettings settings) : reconciler_(std::move(settings)) {}

  TimePoint now = at_seconds(0);
  bool answers_inspections = true;             ///< each at once, as clear
  std::vector<action::ListConnections> lists;  ///< each of these: not answered yet, in order
  std::vector<action::Probe> probes;
  std::vector<action::Inspect> inspections;
  std::vector<action::Dial> dials;
  std::vector<action::Disconnect> disconnects;
  std::vector<ConnectionFact> facts;       ///< all so far
  std::vector<fact::Departed> departures;  ///< these of them

  void step(const Event& event) {
    Step taken = reconciler_.step(now, event);
    for (const ConnectionFact& fact : taken.facts) {
      facts.push_back(fact);
      if (const auto* departed = std::get_if<fact::Departed>(&fact)) {
        departures.push_back(*departed);
      }
    }
    for (Action& action : taken.actions) {
      std::visit([this](auto& what) { keep(std::move(what)); }, action);
    }
    answer_inspections_if_wanted();
    // Whatever is due now was done in this step, or waits for an answer.
    REQUIRE(reconciler_.next_wake() > now);
  }

  /// Time passes; ticks come when they are asked for.
  void pass(Milliseconds time) {
    const TimePoint end = now + time;
    while (reconciler_.next_wake() <= end) {
      now = reconciler_.next_wake();
      step(event::Tick{});
    }
    now = end;
  }

  /// The target is there, desired is known, and the first list is answered.
  void begin(std::shared_ptr<const Desired> wanted, std::initializer_list<int> connected = {}) {
    step(event::DesiredChanged{std::move(wanted)});
    step(event::TargetUp{});
    answer_list(connected);
  }

  void answer_list(std::initializer_list<int> connected) {
    std::vector<NodeName> connections;
    for (const int number : connected) {
      connections.push_back(node(number));
    }
    step(event::ConnectionsListed{take_first(lists).id, std::move(connections)});
  }
  void fail_list() { step(event::ListFailed{take_first(lists).id}); }
  void answer_probe(ProbeOutcome outcome, std::uint16_t port = 4711) {
    step(event::Probed{take_first(probes).id, outcome,
                       outcome == ProbeOutcome::found ? port : std::uint16_t{0}});
  }
  /// `connected`: what the peer is connected to.
  void answer_inspection(InspectOutcome outcome, std::initializer_list<int> connected = {}) {
    event::Inspected inspected{take_first(inspections).id, outcome};
    for (const int number : connected) {
      inspected.connections.push_back(node(number));
    }
    step(inspected);
  }
  void answer_dial(DialOutcome outcome) { step(event::Dialled{take_first(dials).id, outcome}); }
  void answer_disconnect(DisconnectOutcome outcome) {
    step(event::Disconnected{take_first(disconnects).id, outcome});
  }

  [[nodiscard]] std::optional<PeerView> peer(int number) const { return reconciler_.peer(node(number)); }
  [[nodiscard]] PeerState state(int number) const { return peer(number).value().state; }
  [[nodiscard]] std::size_t in_flight() const { return probes.size() + inspections.size() + dials.size(); }
  [[nodiscard]] const Reconciler& reconciler() const { return reconciler_; }

 private:
  void keep(action::ListConnections action) { lists.push_back(action); }
  void keep(action::Probe action) { probes.push_back(std::move(action)); }
  void keep(action::Inspect action) { inspections.push_back(std::move(action)); }
  void answer_inspections_if_wanted() {
    while (answers_inspections && !inspections.empty()) {
      answer_inspection(InspectOutcome::clear);
    }
  }
  void keep(action::Dial action) { dials.push_back(std::move(action)); }
  void keep(action::Disconnect action) { disconnects.push_back(std::move(action)); }

  template <class T>
  static T take_first(std::vector<T>& actions) {
    T first = actions.at(0);
    actions.erase(actions.begin());
    return first;
  }

  Reconciler reconciler_;
};

/// A driver whose peer 2 has failed often enough to wait for long.
inline Driver with_a_long_wait() {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({2})));
  for (int attempt = 0; attempt < 10; ++attempt) {
    driver.answer_probe(ProbeOutcome::no_answer);
    driver.pass(std::chrono::ceil<Milliseconds>(driver.peer(2)->next_try.value() - driver.now));
  }
  driver.answer_probe(ProbeOutcome::no_answer);
  return driver;
}

template <class T>
std::set<NodeName> peers_of(const std::vector<T>& actions) {
  std::set<NodeName> result;
  for (const T& action : actions) {
    result.insert(action.peer);
  }
  return result;
}

}  // namespace rancher_cnode::reconciler::samples
