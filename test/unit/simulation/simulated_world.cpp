#include "simulated_world.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "simulated_node.hpp"
#include "support/unit/samples.hpp"

namespace rancher_cnode::simulation {

using namespace std::chrono_literals;

namespace {
constexpr int spare_hosts = 6;
}

SimulatedWorld::SimulatedWorld(const Scenario& scenario)
    : scenario_(scenario),
      dice_(scenario.seed),
      now_(samples::at_seconds(0)),
      network_(scenario.hosts + spare_hosts + scenario.arrivals),
      transitive_(scenario.global_cuts || dice_.chance(50)),
      scope_(dice_.chance(80) ? ReadScope::self : ReadScope::named),
      tuning_{.target = samples::node(1)} {
  for (int number = 0; number <= network_.hosts(); ++number) {
    names_.push_back(samples::node(number));
  }
  rules_.node_basename = "myapp";
  rules_.health = dice_.chance(50) ? HealthPolicy::any : HealthPolicy::passing;
  // What is given up early may be lost without a fault of the network.
  if (!scenario_.metadata_faults_only) {
    rules_.removal = dice_.chance(80)   ? RemovalPolicy::safe
                     : dice_.chance(50) ? RemovalPolicy::immediate
                                        : RemovalPolicy::never;
    if (dice_.chance(20)) {
      rules_.removal_delay = dice_.between(0ms, 20s);
    }
    if (dice_.chance(20)) {
      rules_.mass_removal_delay = dice_.between(0ms, 20s);
    }
    if (dice_.chance(30)) {
      rules_.reading_interval = dice_.between(1s, 4s);
    }
    // As the agent has it: by consent, unless the user wants it otherwise.
    by_function_ = dice_.chance(20);
    if (by_function_ || rules_.removal == RemovalPolicy::immediate) {
      tuning_.departed_peers = DepartedPolicy::disconnect;
    } else if (dice_.chance(10)) {
      tuning_.departed_peers = DepartedPolicy::ignore;
    }
    for (int number = 1; number <= network_.hosts(); ++number) {
      network_.beam(number).old_otp = dice_.chance(5);
      network_.beam(number).clingy = dice_.chance(15);
    }
  }
  constexpr std::array<std::uint32_t, 4> limits{1, 2, 8, 32};
  tuning_.max_dials = scenario_.hosts > 20 ? 32 : limits.at(static_cast<std::size_t>(dice_.number(0, 3)));
  if (scenario_.arrivals > 0) {
    tuning_.max_dials = static_cast<std::uint32_t>(dice_.number(1, 4));
  }
  tuning_.newcomer_patience = scenario_.newcomer_patience;
  tuning_.max_disconnects = static_cast<std::uint32_t>(dice_.number(1, 8));
  if (dice_.chance(50)) {
    tuning_.lasting = dice_.between(1s, 20s);
    tuning_.prompt_redials = static_cast<std::uint32_t>(dice_.number(0, 3));
  }
  tuning_.probe = scenario_.global_cuts || dice_.chance(80) ? ProbeMode::epmd : ProbeMode::off;
}

SimulatedWorld::~SimulatedWorld() = default;

void SimulatedWorld::at(TimePoint when, std::function<void()> what) {
  agenda_.emplace(std::pair(std::max(when, now_), next_entry_++), std::move(what));
}

void SimulatedWorld::run_until(TimePoint end) {
  while (outcome_.broken.empty() && !agenda_.empty() && agenda_.begin()->first.first <= end) {
    auto entry = agenda_.extract(agenda_.begin());
    now_ = entry.key().first;
    entry.mapped()();
  }
  now_ = end;
}

void SimulatedWorld::broken(int number, const std::string& what) {
  if (!outcome_.broken.empty()) {
    return;
  }
  const auto millis = std::chrono::duration_cast<Milliseconds>(now_ - samples::at_seconds(0)).count();
  outcome_.broken = "C-node " + std::to_string(number) + " at " + std::to_string(millis) + " ms: " + what;
}

void SimulatedWorld::start_hosts() {
  for (int i = 0; i < scenario_.hosts; ++i) {
    const int number = next_host_++;
    metadata_.list(number);
    // Old snapshots that differ in who has joined, for the stale and the flapping reads.
    if (scenario_.metadata_faults_only) {
      metadata_.publish();
    }
    if (i % 2 == 0 || scenario_.metadata_faults_only) {
      lasting_.insert(number);
    }
  }
  metadata_.publish();
  for (const auto& [number, entry] : metadata_.truth()) {
    start_host(number);
  }
}

Outcome SimulatedWorld::run() {
  start_hosts();
  if (scenario_.metadata_faults_only) {
    run_until(now_ + mesh_bound + scenario_.newcomer_patience);
  }
  if (scenario_.arrivals > 0) {
    arrive();
  }
  outcome_.connections_lost = 0;
  const TimePoint end = now_ + scenario_.faults_for;
  while (now_ < end && outcome_.broken.empty()) {
    one_fault();
    run_until(std::min<TimePoint>(end, now_ + dice_.between(100ms, 5s)));
  }
  // The last of hundreds of arrivals have their turn by the bounds on turns, which are watched all along.
  if (scenario_.arrivals > 0) {
    return outcome_;
  }
  mend_all();

  faults_end_ = now_;
  while (outcome_.broken.empty() && !missing_connection().empty() &&
         now_ < faults_end_ + mesh_bound + scenario_.newcomer_patience) {
    run_until(now_ + 1s);
  }
  outcome_.formed_after = std::chrono::duration_cast<Milliseconds>(now_ - faults_end_);
  if (const std::string missing = missing_connection(); !missing.empty()) {
    broken(0, missing);
  }
  run_until(faults_end_ + departure_bound);
  if (const std::string missing = missing_connection(); !missing.empty()) {
    broken(0, "after the departures, " + missing);
  }
  if (const std::string departed = remaining_departed(); !departed.empty()) {
    broken(0, departed);
  }
  if (scenario_.metadata_faults_only && outcome_.connections_lost > 0) {
    broken(0, "connections were lost by metadata alone");
  }
  return outcome_;
}

void SimulatedWorld::start_host(int number) {
  Beam& beam = network_.beam(number);
  beam.up = beam.epmd = beam.up && dice_.chance(80);
  start_node(number);
  if (!beam.up) {
    after(dice_.between(0ms, 3s), [this, number] { start_beam(number); });
  }
}

int SimulatedWorld::any_host() {
  auto place = nodes_.begin();
  std::advance(place, dice_.number(0, static_cast<int>(nodes_.size()) - 1));
  return place->first;
}

void SimulatedWorld::publish() {
  metadata_.publish();
  for (const auto& [number, node] : nodes_) {
    if (!calm_ && dice_.chance(10)) {
      continue;  // the wake-up is lost: a later read finds the change
    }
    const int reader = number;
    const Node* woken = node.get();
    const Milliseconds delay = dice_.between(1ms, 20ms);
    if (node->polls) {
      continue;
    }
    after(delay, [this, reader, woken] {
      if (nodes_.at(reader).get() != woken) {
        return;
      }
      step(reader, event::ExternalChange{});
    });
    read_soon(reader, delay);
  }
}

void SimulatedWorld::stop_beam(int number, Milliseconds back_after) {
  Beam& beam = network_.beam(number);
  if (beam.up) {
    outcome_.connections_lost += beam.connections.size();
    network_.cut_all(number);
    beam.up = false;
    Node& node = *nodes_.at(number);
    node.target_up = false;
    node.lists.clear();
    node.last_connections.clear();
    step(number, event::TargetDown{});
  }
  after(back_after, [this, number] {
    if (belongs(number)) {
      start_beam(number);
    }
  });
}

/// A BEAM gets another cookie by being started again.
void SimulatedWorld::mend_cookie(int number) {
  Beam& beam = network_.beam(number);
  if (!std::exchange(beam.same_cookie, true) && beam.up) {
    stop_beam(number, Milliseconds::zero());
  }
}

void SimulatedWorld::start_beam(int number) {
  Beam& beam = network_.beam(number);
  if (!beam.up) {
    ++beam.boots;
  }
  beam.up = beam.epmd = true;
  Node& node = *nodes_.at(number);
  if (node.target_up || node.retired) {
    return;
  }
  node.target_up = true;
  step(number, event::TargetUp{});
}

bool SimulatedWorld::belongs(int number) const { return metadata_.truth().contains(number); }

/// The last fault is over: all that belongs runs and can be reached, and reads tell the truth.
void SimulatedWorld::mend_all() {
  calm_ = true;
  network_.join_all();
  for (const auto& [number, entry] : Listing(metadata_.truth())) {
    metadata_.set_up(number, true);
    metadata_.set_healthy(number, true);
    metadata_.set_address(number, true);
    if (nodes_.contains(number)) {
      start_beam(number);
    }
  }
  for (const auto& [number, node] : nodes_) {
    Beam& beam = network_.beam(number);
    node->fault = Fault::none;
    beam.reachable = beam.alive = true;
    mend_cookie(number);
    beam.stalled = beam.mute = beam.drops = false;
    beam.hangs_until = now_;
    beam.epmd = beam.up;
  }
  publish();
}

std::string SimulatedWorld::missing_connection() const {
  for (const auto& [a, node_a] : nodes_) {
    for (const auto& [b, node_b] : nodes_) {
      if (a < b && belongs(a) && belongs(b) && !network_.connected(a, b)) {
        return "no connection between " + std::to_string(a) + " and " + std::to_string(b);
      }
    }
  }
  return {};
}

/// Who has departed by its own metadata has been disconnected, or has nobody to be disconnected from, and
/// everybody else knows that it has departed. What connects afterwards stays: its application, or a C-node
/// that knows less.
std::string SimulatedWorld::remaining_departed() const {
  if (rules_.removal == RemovalPolicy::never) {
    return {};
  }
  for (const auto& [number, node] : nodes_) {
    if (node->retired) {
      continue;
    }
    const std::string name = std::to_string(number);
    const auto desired = node->membership.desired();
    if (!belongs(number)) {
      if (desired->own == OwnMembership::removed && node->target_up &&
          !node->departures.is_seen_off(number)) {
        return "it has departed, and was never disconnected: " + name;
      }
      continue;
    }
    for (const auto& [other, other_node] : nodes_) {
      if (belongs(other)) {
        continue;
      }
      const std::string pair = name + " and " + std::to_string(other);
      if (desired->members.contains(samples::node(other))) {
        return "has not departed yet: " + pair;
      }
      if (desired->departed.contains(samples::node(other)) != node->oracle.ever_listed(other)) {
        return "has departed though it was no peer, or the reverse: " + pair;
      }
      if (!node->departures.is_seen_off(other)) {
        return "nothing was done about a departed peer: " + pair;
      }
    }
  }
  return {};
}

}  // namespace rancher_cnode::simulation
