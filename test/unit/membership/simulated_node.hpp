// One C-node of the simulated world, with what it has asked for and not been told yet.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "samples.hpp"
#include "simulated_world.hpp"

namespace rancher_cnode::membership::simulation {

struct SimulatedWorld::Node {
  Node(int number, ReadScope scope, RemovalPolicy removal, ReconcilerSettings settings)
      : membership(MembershipSettings{
            .node_basename = "myapp", .own_address = samples::address(number), .removal = removal}),
        reconciler(std::move(settings)),
        oracle(number, scope, removal) {}

  Membership membership;
  Reconciler reconciler;
  Oracle oracle;
  bool target_up = false;
  std::map<ActionId, int> probes;
  std::map<ActionId, int> dials;
  std::map<ActionId, int> leaves;
  std::set<ActionId> lists;
  std::set<int> last_links;
  std::map<int, int> looks;  ///< lists in a row that showed the link to a leaver, since it was asked last
  bool takes_list = false;   ///< the step is that of an answered list
  std::map<int, TimePoint> asked_to_leave;
  Fault fault = Fault::none;
  bool read_well = false;  ///< since the last fault that hides containers
  TimePoint tick = TimePoint::max();
  std::uint64_t reads = 0;  ///< only the last read that was planned takes place
};

}  // namespace rancher_cnode::membership::simulation
