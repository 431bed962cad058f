// One C-node of the simulated world, with what it has asked for and not been told yet.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "samples.hpp"
#include "simulated_world.hpp"

namespace rancher_cnode::membership::simulation {

struct SimulatedWorld::Node {
  struct Flight {
    int peer;
    TimePoint since;
  };
  /// A peer in the dial queue, as it was first seen there.
  struct Turn {
    TimePoint since;  ///< as the reconciler tells it: another one is another turn
    TimePoint seen;
    std::uint64_t starts;  ///< of this node until then
    std::size_t queued;    ///< peers in the queue then, this one too
  };

  Node(int number, ReadScope scope, RemovalPolicy removal, ReconcilerSettings settings)
      : membership(MembershipSettings{
            .node_basename = "myapp", .own_address = samples::address(number), .removal = removal}),
        reconciler(std::move(settings)),
        oracle(number, scope, removal) {}

  Membership membership;
  Reconciler reconciler;
  Oracle oracle;
  bool target_up = false;
  bool listed = false;  ///< the target has listed its links since it came up
  std::map<ActionId, Flight> probes;
  std::map<ActionId, Flight> dials;
  std::map<ActionId, int> leaves;
  std::set<ActionId> lists;
  std::set<int> last_links;
  std::map<int, int> looks;  ///< lists in a row that showed the link to a leaver, since it was asked last
  bool takes_list = false;   ///< the step is that of an answered list
  std::map<int, TimePoint> asked_to_leave;
  std::map<NodeName, Turn> turns;
  std::uint64_t starts = 0;       ///< probes, and dials that followed none
  Duration longest_flight{};      ///< of a probe or dial of this target, from the question to the answer
  std::optional<TimePoint> news;  ///< the first that may still be waiting
  bool polls = false;             ///< reads every 5 s, instead of when the version changes
  Fault fault = Fault::none;
  bool read_well = false;  ///< since the last fault that hides containers
  TimePoint tick = TimePoint::max();
  std::uint64_t reads = 0;  ///< only the last read that was planned takes place
};

}  // namespace rancher_cnode::membership::simulation
