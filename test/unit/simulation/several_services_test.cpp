// Two services whose containers come, go and move at random: what their union makes one target do. Networks
// and BEAMs without faults; the simulated world has those, for one service.
//   RANCHER_CNODE_SEED=<seed> unit_simulation -tc="*two services*"
// runs a seed again alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "rancher_cnode/membership/memberships.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"
#include "simulated_metadata.hpp"
#include "support/unit/samples.hpp"

namespace rancher_cnode::simulation {

namespace {

using namespace std::chrono_literals;
using Numbers = std::set<int>;

constexpr std::array<const char*, 2> paths{"a", "b"};
constexpr int addresses = 12;
constexpr int rounds = 300;

Service listing(const Numbers& numbers) {
  Service result = samples::service({});
  for (const int number : numbers) {
    result.containers.push_back(samples::container(number));
  }
  return result;
}

class TwoServices {
 public:
  TwoServices(std::uint64_t seed, RemovalPolicy removal)
      : dice_(seed),
        memberships_({settings(paths[0], removal), settings(paths[1], removal)}),
        reconciler_(tuning(seed)) {
    truth_[0] = {1, 2, 3};
    truth_[1] = {4, 5, 6};
    step(event::TargetUp{});
  }

  /// Two seconds, with one change at the most.
  void round() {
    if (dice_.chance(40)) {
      change();
    }
    std::vector<ServiceRead> reads;
    for (std::size_t i = 0; i < truth_.size(); ++i) {
      const bool fails = dice_.chance(5);
      reads.push_back(
          {fails ? Read(FailedRead{"timeout"}) : Read(listing(truth_[i])), ReadScope::named, paths[i]});
    }
    if (memberships_.observe(now_, reads).desired_changed) {
      step(event::DesiredChanged{memberships_.desired()});
    }
    const TimePoint next = now_ + 2s;
    while (reconciler_.next_wake() < next) {
      now_ = std::max<TimePoint>(now_, reconciler_.next_wake());
      step(event::Tick{});
    }
    now_ = next;
  }

  [[nodiscard]] bool wants(const NodeName& name) const {
    return std::ranges::any_of(truth_, [&](const Numbers& numbers) {
      return std::ranges::any_of(numbers, [&](int number) { return samples::node(number) == name; });
    });
  }
  [[nodiscard]] bool is_connected_to_all() const {
    return std::ranges::all_of(truth_, [&](const Numbers& numbers) {
      return std::ranges::all_of(
          numbers, [&](int number) { return number == 1 || connected_.contains(samples::node(number)); });
    });
  }
  void calm() { is_calm_ = true; }

  std::string wrongly_disconnected;  ///< the last one
  int disconnects = 0;
  int moves = 0;

 private:
  static MembershipSettings settings(const char* service, RemovalPolicy removal) {
    auto settings = samples::settings(removal);
    settings.service = service;
    return settings;
  }
  static ReconcilerSettings tuning(std::uint64_t seed) {
    return {.target = samples::node(1), .departed_peers = DepartedPolicy::disconnect, .seed = seed};
  }

  /// Our own container, 1, stays in one of them.
  void change() {
    if (is_calm_) {
      return;
    }
    const int number = dice_.number(1, addresses);
    const bool was_there = truth_[0].erase(number) + truth_[1].erase(number) > 0;
    if (number == 1 || dice_.chance(70)) {
      truth_[static_cast<std::size_t>(dice_.number(0, 1))].insert(number);
      moves += was_there ? 1 : 0;
    }
  }

  void step(const Event& event) {
    const auto taken = reconciler_.step(now_, event);
    for (const Action& action : taken.actions) {
      std::visit([this](const auto& what) { execute(what); }, action);
    }
  }
  void execute(const action::ListConnections& list) {
    step(event::ConnectionsListed{list.id, {connected_.begin(), connected_.end()}});
  }
  void execute(const action::Probe& probe) { step(event::Probed{probe.id, ProbeOutcome::found, 1}); }
  void execute(const action::Inspect& inspect) {
    step(event::Inspected{inspect.id, InspectOutcome::clear, {}});
  }
  void execute(const action::Dial& dial) {
    connected_.insert(dial.peer);
    step(event::Dialled{dial.id, DialOutcome::connected});
  }
  void execute(const action::Disconnect& disconnect) {
    if (wants(disconnect.peer)) {
      wrongly_disconnected = disconnect.peer.str();
    }
    ++disconnects;
    connected_.erase(disconnect.peer);
    step(event::Disconnected{disconnect.id, DisconnectOutcome::done});
  }

  Dice dice_;
  TimePoint now_ = samples::at_seconds(0);
  std::array<Numbers, 2> truth_;
  Memberships memberships_;
  Reconciler reconciler_;
  std::set<NodeName> connected_;
  bool is_calm_ = false;
};

}  // namespace

TEST_CASE("of two services whose containers move, nobody is disconnected whom one of them has") {
  const char* const only = std::getenv("RANCHER_CNODE_SEED");
  const std::uint64_t first = only == nullptr ? 1 : std::stoull(only);
  const std::uint64_t last = only == nullptr ? 200 : first;
  int disconnects = 0;
  int moves = 0;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    CAPTURE(seed);
    TwoServices world(seed, seed % 4 == 0 ? RemovalPolicy::immediate : RemovalPolicy::safe);
    for (int round = 0; round < rounds; ++round) {
      world.round();
      REQUIRE(world.wrongly_disconnected == "");
    }
    world.calm();
    for (int round = 0; round < 10; ++round) {
      world.round();
    }
    CHECK(world.is_connected_to_all());
    disconnects += world.disconnects;
    moves += world.moves;
  }
  CHECK(disconnects > 0);
  CHECK(moves > 0);
  MESSAGE("seeds ", first, " to ", last, ": ", moves, " moves, ", disconnects, " disconnects");
}

}  // namespace rancher_cnode::simulation
