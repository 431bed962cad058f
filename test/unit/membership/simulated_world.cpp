#include "simulated_world.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "samples.hpp"
#include "simulated_node.hpp"

namespace rancher_cnode::membership::simulation {

using namespace std::chrono_literals;

namespace {
constexpr int spare_hosts = 6;
}

SimulatedWorld::SimulatedWorld(const Scenario& scenario)
    : scenario_(scenario),
      dice_(scenario.seed),
      now_(samples::at_seconds(0)),
      network_(scenario.hosts + spare_hosts),
      transitive_(dice_.chance(50)),
      removal_(dice_.chance(80)   ? RemovalPolicy::safe
               : dice_.chance(50) ? RemovalPolicy::immediate
                                  : RemovalPolicy::never),
      scope_(dice_.chance(80) ? ReadScope::self : ReadScope::named),
      tuning_{.target = samples::node(1)} {
  for (int number = 0; number <= network_.hosts(); ++number) names_.push_back(samples::node(number));
  // `immediate` believes an old snapshot at once: then links may be lost without a fault of the network.
  if (scenario_.metadata_faults_only) removal_ = RemovalPolicy::safe;
  constexpr std::array<std::uint32_t, 4> limits{1, 2, 8, 32};
  tuning_.max_dials = scenario_.hosts > 20 ? 32 : limits.at(static_cast<std::size_t>(dice_.number(0, 3)));
  tuning_.max_leaves = static_cast<std::uint32_t>(dice_.number(1, 8));
  tuning_.probe = dice_.chance(80) ? ProbeMode::epmd : ProbeMode::off;
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
  if (!outcome_.broken.empty()) return;
  const auto millis = std::chrono::duration_cast<Milliseconds>(now_ - samples::at_seconds(0)).count();
  outcome_.broken = "C-node " + std::to_string(number) + " at " + std::to_string(millis) + " ms: " + what;
}

Outcome SimulatedWorld::run() {
  for (int i = 0; i < scenario_.hosts; ++i) {
    const int number = next_host_++;
    metadata_.list(number);
    // Old snapshots that differ in who has joined, for the stale and the flapping reads.
    if (scenario_.metadata_faults_only) metadata_.publish();
    if (i % 2 == 0 || scenario_.metadata_faults_only) lasting_.insert(number);
  }
  metadata_.publish();
  for (const auto& [number, entry] : metadata_.truth()) start_host(number);

  if (scenario_.metadata_faults_only) run_until(now_ + mesh_bound);
  outcome_.links_lost = 0;
  const TimePoint end = now_ + scenario_.faults_for;
  while (now_ < end && outcome_.broken.empty()) {
    one_fault();
    run_until(std::min(end, now_ + dice_.between(100ms, 5s)));
    for (const auto& [number, node] : nodes_) check_patience(number);
  }
  mend_all();

  faults_end_ = now_;
  while (outcome_.broken.empty() && !missing_link().empty() && now_ < faults_end_ + mesh_bound)
    run_until(now_ + 1s);
  outcome_.formed_after = std::chrono::duration_cast<Milliseconds>(now_ - faults_end_);
  if (const std::string missing = missing_link(); !missing.empty()) broken(0, missing);
  run_until(faults_end_ + leave_bound);
  if (const std::string missing = missing_link(); !missing.empty()) broken(0, "after the leaves, " + missing);
  if (const std::string leaver = remaining_leaver(); !leaver.empty()) broken(0, leaver);
  if (scenario_.metadata_faults_only && outcome_.links_lost > 0)
    broken(0, "links were lost by metadata alone");
  return outcome_;
}

void SimulatedWorld::start_host(int number) {
  Beam& beam = network_.beam(number);
  beam.up = beam.epmd = beam.up && dice_.chance(80);
  start_node(number);
  if (!beam.up) after(dice_.between(0ms, 3s), [this, number] { start_beam(number); });
}

int SimulatedWorld::any_host() {
  auto place = nodes_.begin();
  std::advance(place, dice_.number(0, static_cast<int>(nodes_.size()) - 1));
  return place->first;
}

void SimulatedWorld::publish() {
  metadata_.publish();
  for (const auto& [number, node] : nodes_) {
    if (dice_.chance(10)) continue;  // the wake-up is lost: the next poll finds the change
    const int reader = number;
    const Node* woken = node.get();
    const Milliseconds delay = dice_.between(1ms, 20ms);
    after(delay, [this, reader, woken] {
      if (nodes_.at(reader).get() == woken) step(reader, event::News{});
    });
    read_soon(reader, delay);
  }
}

void SimulatedWorld::one_fault() {
  ++outcome_.faults;
  const int kind = scenario_.metadata_faults_only ? 50 : dice_.number(1, 100);
  if (kind <= 40) {
    fault_of_beam(any_host());
  } else if (kind <= 65) {
    if (dice_.chance(60)) {
      fault_of_metadata(any_host());
    } else {
      for (const auto& [number, node] : nodes_) fault_of_metadata(number);
    }
  } else if (kind <= 95) {
    change_of_service();
    if (dice_.chance(90)) publish();
  } else if (const int number = any_host(); belongs(number)) {
    start_node(number);
  }
}

void SimulatedWorld::fault_of_beam(int number) {
  Beam& beam = network_.beam(number);
  const Milliseconds lasts = dice_.between(200ms, 30s);
  switch (dice_.number(1, 6)) {
    case 1:
      if (!beam.links.empty()) {
        ++outcome_.links_lost;
        network_.cut(number, *beam.links.begin());
      }
      break;
    case 2:
      stop_beam(number, lasts);
      break;
    case 3:
      beam.reachable = false;
      after(dice_.chance(50) ? 1ms : 10s, [this, number] {
        if (!network_.beam(number).reachable) network_.cut_all(number);
      });
      after(lasts, [this, number] { network_.beam(number).reachable = true; });
      break;
    case 4:
      beam.stalled = true;
      after(lasts, [this, number] { network_.beam(number).stalled = false; });
      break;
    case 5:
      beam.epmd = false;
      after(lasts, [this, number] { network_.beam(number).epmd = true; });
      break;
    default:
      beam.same_cookie = false;
      after(lasts, [this, number] { network_.beam(number).same_cookie = true; });
  }
}

void SimulatedWorld::fault_of_metadata(int number) {
  if (scenario_.metadata_faults_only) return survivable_fault(number);
  constexpr std::array<Fault, 5> faults{Fault::unknown, Fault::emptied, Fault::stale, Fault::flapping,
                                        Fault::without_self};
  const Fault fault = faults.at(static_cast<std::size_t>(dice_.number(0, 4)));
  nodes_.at(number)->fault = fault;
  after(dice_.between(100ms, 40s), [this, number] { nodes_.at(number)->fault = Fault::none; });
  if (dice_.chance(50)) read_soon(number, 1ms);
}

/// One that must cost no link by the rules: what hides a container lasts for less than the removal delay, what
/// hides most of them for less than the mass removal delay, and a true read comes before the next of these.
void SimulatedWorld::survivable_fault(int number) {
  constexpr std::array<Fault, 6> faults{Fault::unknown,  Fault::emptied,      Fault::stale,
                                        Fault::flapping, Fault::without_self, Fault::self_alone};
  Node& node = *nodes_.at(number);
  Fault fault = faults.at(static_cast<std::size_t>(dice_.number(0, 5)));
  Milliseconds longest = 40s;
  if (fault != Fault::unknown && fault != Fault::emptied) {
    if (node.fault != Fault::none || !node.read_well) return;
    longest = fault == Fault::self_alone ? 50s : 8s;
    node.read_well = false;
  } else if (node.fault != Fault::none) {
    return;
  }
  node.fault = fault;
  after(dice_.between(100ms, longest), [this, number] { nodes_.at(number)->fault = Fault::none; });
  if (dice_.chance(50)) read_soon(number, 1ms);
}

void SimulatedWorld::change_of_service() {
  const int number = any_host();
  const bool listed = metadata_.truth().contains(number);
  const bool lasting = lasting_.contains(number);
  switch (dice_.number(1, 5)) {
    case 1:
      if (next_host_ <= network_.hosts()) {
        metadata_.list(next_host_);
        start_host(next_host_++);
      }
      break;
    case 2:
      if (listed && !lasting) {
        metadata_.remove(number);
        // Half of them vanish for good, so that probes and dials are still out when the peer leaves the
        // desired set.
        if (dice_.chance(50)) {
          network_.beam(number).reachable = false;
          stop_beam(number, 1h);
        }
      } else if (!listed) {
        metadata_.list(number);
        start_beam(number);
      }
      break;
    case 3:
      if (listed) metadata_.set_up(number, !metadata_.truth().at(number).up);
      break;
    case 4:
      // A container that no read ever listed with its address cannot be known to last.
      if (listed && !lasting) metadata_.set_address(number, !metadata_.truth().at(number).has_address);
      break;
    default:
      if (listed) {
        metadata_.replace(number);
        stop_beam(number, dice_.between(500ms, 10s));
      }
  }
}

void SimulatedWorld::stop_beam(int number, Milliseconds back_after) {
  Beam& beam = network_.beam(number);
  if (beam.up) {
    outcome_.links_lost += beam.links.size();
    network_.cut_all(number);
    beam.up = false;
    Node& node = *nodes_.at(number);
    node.target_up = false;
    node.dials.clear();
    node.lists.clear();
    node.last_links.clear();
    step(number, event::TargetDown{});
  }
  after(back_after, [this, number] {
    if (belongs(number)) start_beam(number);
  });
}

void SimulatedWorld::start_beam(int number) {
  Beam& beam = network_.beam(number);
  beam.up = beam.epmd = true;
  Node& node = *nodes_.at(number);
  if (node.target_up) return;
  node.target_up = true;
  step(number, event::TargetUp{});
}

bool SimulatedWorld::belongs(int number) const { return metadata_.truth().contains(number); }

/// The last fault is over: all that belongs runs and can be reached, and reads tell the truth.
void SimulatedWorld::mend_all() {
  calm_ = true;
  for (const auto& [number, entry] : Listing(metadata_.truth())) {
    metadata_.set_up(number, true);
    metadata_.set_address(number, true);
    start_beam(number);
  }
  for (const auto& [number, node] : nodes_) {
    Beam& beam = network_.beam(number);
    node->fault = Fault::none;
    beam.reachable = beam.same_cookie = true;
    beam.stalled = false;
    beam.epmd = beam.up;
  }
  metadata_.publish();  // and nobody is woken: polling alone must find it
}

std::string SimulatedWorld::missing_link() const {
  for (const auto& [a, entry_a] : metadata_.truth()) {
    for (const auto& [b, entry_b] : metadata_.truth()) {
      if (a < b && !network_.beam(a).links.contains(b)) {
        return "no link between " + std::to_string(a) + " and " + std::to_string(b);
      }
    }
  }
  return {};
}

std::string SimulatedWorld::remaining_leaver() const {
  if (removal_ == RemovalPolicy::never) return {};
  bool brings_back = false;
  for (const auto& [number, node] : nodes_) {
    // A C-node that never saw itself listed cannot know that it left. It brings its target back for ever, and
    // a transitive network brings the other leavers with it.
    brings_back |= !belongs(number) && node->membership.desired()->own == OwnPresence::unknown;
  }
  for (const auto& [number, node] : nodes_) {
    if (!belongs(number)) continue;
    const auto desired = node->membership.desired();
    for (const auto& [other, other_node] : nodes_) {
      if (belongs(other)) continue;
      const std::string pair = std::to_string(number) + " and " + std::to_string(other);
      if (desired->members.contains(samples::node(other))) return "not yet a leaver: " + pair;
      const bool leaver = desired->leavers.contains(samples::node(other));
      if (leaver != node->oracle.ever_listed(other))
        return "a leaver that was no peer, or the reverse: " + pair;
      if (leaver && !brings_back && network_.beam(number).links.contains(other))
        return "a leaver is still linked: " + pair;
    }
  }
  return {};
}

}  // namespace rancher_cnode::membership::simulation
