// One C-node of the simulated world, with what it has asked for and not been told yet.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "facts_oracle.hpp"
#include "simulated_world.hpp"
#include "support/unit/samples.hpp"

namespace rancher_cnode::simulation {

using namespace membership;
using namespace reconciler;

struct SimulatedWorld::Node {
  Node(int number, ReadScope scope, const MembershipSettings& rules, const ReconcilerSettings& settings,
       const std::vector<NodeName>& names)
      : membership(rules),
        reconciler(settings),
        oracle(number, scope, rules),
        departures(number, settings, names),
        pace(number, settings, names) {}

  Membership membership;
  Reconciler reconciler;
  Oracle oracle;
  DepartureOracle departures;
  PaceOracle pace;
  FactsOracle facts;
  bool target_up = false;
  bool retired = false;  ///< its container is gone, and its address is another's
  std::map<ActionId, int> disconnects;
  std::set<ActionId> lists;
  std::set<int> last_connections;
  std::set<std::pair<int, int>> asked;  ///< who was disconnected, and for which of its departures
  bool polls = false;                   ///< reads every 5 s, instead of when the version changes
  Fault fault = Fault::none;
  std::optional<Answer> odd_one;  ///< while frozen
  bool read_well = false;         ///< since the last fault that hides its own container
  TimePoint tick = TimePoint::max();
  std::uint64_t reads = 0;  ///< only the last read that was planned takes place
};

}  // namespace rancher_cnode::simulation
