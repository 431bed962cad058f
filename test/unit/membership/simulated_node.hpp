// One C-node of the simulated world, with what it has asked for and not been told yet.
#pragma once

#include <map>
#include <set>

#include "samples.hpp"
#include "simulated_world.hpp"

namespace rancher_cnode::membership::simulation {

struct SimulatedWorld::Node {
  Node(int number, ReadScope scope, const MembershipSettings& rules, const ReconcilerSettings& settings,
       const std::vector<NodeName>& names)
      : membership(rules),
        reconciler(settings),
        oracle(number, scope, rules),
        pace(number, settings, names) {}

  Membership membership;
  Reconciler reconciler;
  Oracle oracle;
  PaceOracle pace;
  bool target_up = false;
  std::map<ActionId, int> leaves;
  std::set<ActionId> lists;
  std::set<int> last_links;
  std::map<int, int> looks;  ///< lists in a row that showed the link to a leaver, since it was asked last
  bool takes_list = false;   ///< the step is that of an answered list
  std::map<int, TimePoint> asked_to_leave;
  bool polls = false;  ///< reads every 5 s, instead of when the version changes
  Fault fault = Fault::none;
  bool read_well = false;  ///< since the last fault that hides containers
  TimePoint tick = TimePoint::max();
  std::uint64_t reads = 0;  ///< only the last read that was planned takes place
};

}  // namespace rancher_cnode::membership::simulation
