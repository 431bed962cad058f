// How long it takes from a change that a user knows of until all are connected, each kind by itself.
//
// A guest is a container without a C-node: whatever connects to it was dialled by the others.
#include <chrono>

#include "simulated_node.hpp"
#include "simulated_world.hpp"

namespace rancher_cnode::simulation {

using namespace std::chrono_literals;

namespace {

struct Bound {
  const char* after;
  Milliseconds time;
};

// A wake-up by the metadata takes 20 ms here, an answer of epmd 3 ms, a dial 12 ms, a list 4 ms; what
// vanishes costs a probe 1 s.
constexpr std::array<Bound, changes> bounds{{
    {"a container is added", 50ms},
    {"a stopped container runs", 50ms},
    {"an unhealthy container is healthy", 50ms},
    {"a BEAM restarts", 50ms},
    {"a connection drops", 1'050ms},                     // the list
    {"the metadata is back", 5'050ms},                   // the poll
    {"a host is back, which nobody reports", 11'050ms},  // the longest wait
    {"a host is back, and something changes in the metadata",
     1'150ms},  // the probe that is out, the first wait
}};

}  // namespace

std::string_view to_string(Change change) { return bounds.at(static_cast<std::size_t>(change)).after; }

Outcome SimulatedWorld::run_changes() {
  calm_ = true;
  transitive_ = false;
  rules_ = MembershipSettings{};
  rules_.node_basename = "myapp";
  rules_.health = HealthPolicy::passing;
  tuning_ = ReconcilerSettings{.target = samples::node(1)};
  start_hosts();
  for (const auto& [number, node] : nodes_) {
    node->polls = false;
  }
  run_until(now_ + 10s);
  for (std::size_t change = 0; change < changes && outcome_.broken.empty(); ++change) {
    make(static_cast<Change>(change));
    run_until(now_ + 10s);
  }
  return outcome_;
}

int SimulatedWorld::add_guest() {
  const int number = next_host_++;
  metadata_.list(number);
  return number;
}

void SimulatedWorld::make(Change change) {
  const int host = any_host();
  const int guest = add_guest();
  const Milliseconds lasts = dice_.between(20s, 60s);
  Beam& beam = network_.beam(guest);
  switch (change) {
    case Change::container_added:
      break;
    case Change::container_runs:
    case Change::container_healthy:
      metadata_.set_up(guest, change == Change::container_healthy);
      metadata_.set_healthy(guest, change == Change::container_runs);
      publish();
      run_until(now_ + lasts);
      metadata_.set_up(guest, true);
      metadata_.set_healthy(guest, true);
      break;
    case Change::beam_restarted:
      publish();
      run_until(now_ + 10s);
      stop_beam(host, 1h);
      run_until(now_ + lasts);
      start_beam(host);
      return wait_for_connections(change, host);
    case Change::connection_dropped:
      publish();
      run_until(now_ + lasts);
      network_.cut(host, guest);
      return wait_for_connections(change, guest);
    case Change::metadata_back:
      for (const auto& [number, node] : nodes_) {
        node->fault = Fault::unknown;
      }
      publish();
      run_until(now_ + lasts);
      for (const auto& [number, node] : nodes_) {
        node->fault = Fault::none;
      }
      metadata_.publish();
      return wait_for_connections(change, guest);
    case Change::host_back:
    case Change::host_back_and_noticed:
      beam.reachable = false;
      publish();
      run_until(now_ + lasts);
      beam.reachable = true;
      if (change == Change::host_back) {
        return wait_for_connections(change, guest);
      }
  }
  publish();
  wait_for_connections(change, guest);
}

void SimulatedWorld::wait_for_connections(Change change, int number) {
  const Bound& bound = bounds.at(static_cast<std::size_t>(change));
  const TimePoint from = now_;
  while (outcome_.broken.empty() && !is_connected(number) && now_ <= from + bound.time) {
    run_until(now_ + 1ms);
  }
  const auto took = std::chrono::duration_cast<Milliseconds>(now_ - from);
  outcome_.connected_after.at(static_cast<std::size_t>(change)) = took;
  if (took > bound.time) {
    broken(number, "not connected in time: " + std::string(bound.after));
  }
}

bool SimulatedWorld::is_connected(int number) const {
  for (const auto& [other, node] : nodes_) {
    if (other != number && !network_.beam(other).connections.contains(number)) {
      return false;
    }
  }
  return true;
}

}  // namespace rancher_cnode::simulation
