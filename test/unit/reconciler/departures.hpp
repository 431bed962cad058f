// Departures of peers, and lists that go on meanwhile.
#pragma once

#include <initializer_list>
#include <utility>
#include <vector>

#include "rancher_cnode/reconciler/reconciler.hpp"
#include "support/unit/driver.hpp"

namespace rancher_cnode::reconciler::samples {

inline ReconcilerSettings disconnecting() {
  ReconcilerSettings settings = driving_node_1();
  settings.departed_peers = DepartedPolicy::disconnect;
  return settings;
}

/// Peers 2 and 9 are connected to the target, and 9 departs.
inline Driver with_departed_9(ReconcilerSettings settings) {
  Driver driver(std::move(settings));
  driver.begin(desired(nodes({1, 2, 9})), {2, 9});
  driver.step(event::DesiredChanged{departing(nodes({1, 2}), nodes({9}))});
  return driver;
}

/// Every list shows these for so long.
inline void keep_listing(Driver& driver, std::initializer_list<int> connected, std::chrono::seconds time) {
  for (Duration passed{}; passed < time; passed += Milliseconds(100)) {
    while (!driver.lists.empty()) {
      driver.answer_list(connected);
    }
    driver.pass(Milliseconds(100));
  }
}

inline std::vector<Departure> departures_of(const Driver& driver, int number) {
  std::vector<Departure> result;
  for (const fact::Departed& fact : driver.departures) {
    if (fact.peer == node(number)) {
      result.push_back(fact.departure);
    }
  }
  return result;
}

}  // namespace rancher_cnode::reconciler::samples
