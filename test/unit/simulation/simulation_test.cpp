// Random faults over thousands of seeds. A seed that breaks a promise is printed;
//   RANCHER_CNODE_SEED=<seed> unit_simulation
// runs it again alone, RANCHER_CNODE_SEEDS=<count> runs another number of seeds than the build's.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "simulated_world.hpp"

namespace rancher_cnode::simulation {

namespace {

using namespace std::chrono_literals;

std::optional<std::uint64_t> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) {
    return std::nullopt;
  }
  return std::stoull(text);
}

struct Seeds {
  std::uint64_t first;
  std::uint64_t last;
};

/// The one that is asked for, else 1 to `count`.
Seeds one_or(std::uint64_t count) {
  const auto only = number_from("RANCHER_CNODE_SEED");
  return {only.value_or(1), only.value_or(count)};
}

Seeds one_or_many(std::uint64_t count) { return one_or(number_from("RANCHER_CNODE_SEEDS").value_or(count)); }

/// Runs every seed and tells each that breaks a promise.
template <class MakeScenario>
Outcome run_seeds(Seeds seeds, MakeScenario make, Outcome (SimulatedWorld::*run)() = &SimulatedWorld::run) {
  Outcome sum;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    SimulatedWorld world(make(seed));
    const Outcome outcome = (world.*run)();
    CAPTURE(seed);
    CHECK(outcome.broken == "");
    sum.dials += outcome.dials;
    sum.inspections += outcome.inspections;
    sum.refreshed += outcome.refreshed;
    sum.disconnects += outcome.disconnects;
    sum.expired += outcome.expired;
    sum.cut += outcome.cut;
    sum.cut_alone += outcome.cut_alone;
    sum.reconnected += outcome.reconnected;
    sum.facts += outcome.facts;
    sum.connections_lost += outcome.connections_lost;
    sum.cut_by_global += outcome.cut_by_global;
    sum.faults += outcome.faults;
    sum.formed_after = std::max(sum.formed_after, outcome.formed_after);
    for (std::size_t change = 0; change < changes; ++change) {
      sum.connected_after.at(change) =
          std::max(sum.connected_after.at(change), outcome.connected_after.at(change));
    }
  }
  MESSAGE("seeds ", seeds.first, " to ", seeds.last, ": ", sum.faults, " faults, ", sum.dials, " dials, ",
          sum.inspections, " inspections, ", sum.refreshed, " refreshed, ", sum.disconnects, " disconnects (",
          sum.expired, " expired, ", sum.cut, " connections cut, ", sum.cut_alone,
          " of them still listed by the other end, ", sum.reconnected, " reconnected by applications), ",
          sum.facts, " facts, ", sum.connections_lost, " connections lost; full mesh at the latest ",
          sum.formed_after.count(), " ms after the last fault");
  return sum;
}

TEST_CASE(
    "whatever fails, only who has departed is disconnected, limits are kept, and the cluster heals in time") {
  run_seeds(one_or_many(RANCHER_CNODE_SIMULATION_SEEDS), [](std::uint64_t seed) {
    return Scenario{.seed = seed, .hosts = 2 + static_cast<int>(seed % 7)};
  });
}

TEST_CASE("metadata alone, however wrong, never costs a connection") {
  run_seeds(one_or_many(RANCHER_CNODE_SIMULATION_SEEDS / 4), [](std::uint64_t seed) {
    return Scenario{.seed = seed, .hosts = 2 + static_cast<int>(seed % 5), .metadata_faults_only = true};
  });
}

TEST_CASE("after each kind of change all are connected in time") {
  const Outcome longest = run_seeds(
      one_or(100),
      [](std::uint64_t seed) {
        return Scenario{.seed = seed, .hosts = 2 + static_cast<int>(seed % 6), .arrivals = changes};
      },
      &SimulatedWorld::run_changes);
  for (std::size_t change = 0; change < changes; ++change) {
    MESSAGE(to_string(static_cast<Change>(change)), ": all are connected after ",
            longest.connected_after.at(change).count(), " ms");
  }
}

TEST_CASE("new peers that arrive all the time starve nobody") {
  run_seeds(one_or(6), [](std::uint64_t seed) {
    return Scenario{.seed = seed, .hosts = 3, .faults_for = 150s, .arrivals = 300};
  });
}

TEST_CASE("while newcomers are held for members without epmd the cluster heals, and far fewer are cut off") {
  const auto cut_off = [](Milliseconds patience) {
    return run_seeds(one_or(300),
                     [patience](std::uint64_t seed) {
                       return Scenario{.seed = seed,
                                       .hosts = 3 + static_cast<int>(seed % 5),
                                       .global_cuts = true,
                                       .newcomer_patience = patience};
                     })
        .cut_by_global;
  };
  const auto held = cut_off(10s);
  const auto not_held = cut_off(0s);
  MESSAGE("nodes that global cuts off: ", held, " if newcomers are held, ", not_held, " if not");
  CHECK(held * 3 <= not_held);
  CHECK((not_held > 0 || number_from("RANCHER_CNODE_SEED")));
}

TEST_CASE("hundreds of hosts heal as a few do") {
  run_seeds(one_or(2), [](std::uint64_t seed) {
    return Scenario{.seed = seed, .hosts = RANCHER_CNODE_SIMULATION_HOSTS, .faults_for = 30s};
  });
}

}  // namespace
}  // namespace rancher_cnode::simulation
