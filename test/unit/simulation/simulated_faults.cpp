#include <algorithm>
#include <array>
#include <chrono>

#include "simulated_node.hpp"
#include "simulated_world.hpp"

namespace rancher_cnode::simulation {

using namespace std::chrono_literals;

void SimulatedWorld::one_fault() {
  ++outcome_.faults;
  const int any = any_host();
  const int kind = scenario_.metadata_faults_only ? 50 : dice_.number(1, 100);
  if (kind <= 40) {
    fault_of_beam(any);
  } else if (kind <= 65) {
    if (dice_.chance(60)) {
      fault_of_metadata(any);
    } else {
      for (const auto& [number, node] : nodes_) {
        fault_of_metadata(number);
      }
    }
  } else if (kind <= 69 && !belongs(any)) {
    address_reused_in_an_outage(any);
  } else if (kind <= 73) {
    address_moves(any);
  } else if (kind <= 95) {
    change_of_service();
    if (dice_.chance(90)) {
      publish();
    }
  } else if (belongs(any)) {
    start_node(any);
  }
}

void SimulatedWorld::fault_of_beam(int number) {
  Beam& beam = network_.beam(number);
  const Milliseconds lasts = dice_.between(200ms, 30s);
  if (dice_.chance(40)) {
    return fault_of_connections(number, lasts);
  }
  switch (dice_.number(1, 8)) {
    case 1:
      if (!beam.connections.empty()) {
        ++outcome_.connections_lost;
        network_.cut(number, *beam.connections.begin());
      }
      break;
    case 2:
      stop_beam(number, lasts);
      break;
    case 3:
      beam.reachable = false;
      after(dice_.chance(50) ? 1ms : 10s, [this, number] {
        if (!network_.beam(number).reachable) {
          network_.cut_all(number);
        }
      });
      after(lasts, [this, number] { network_.beam(number).reachable = true; });
      break;
    case 4:
      beam.stalled = true;
      after(lasts, [this, number] { network_.beam(number).stalled = false; });
      break;
    case 5:
      beam.epmd = false;
      after(scenario_.global_cuts ? std::min<Milliseconds>(lasts, 8s) : lasts,
            [this, number] { network_.beam(number).epmd = true; });
      break;
    case 6:
      beam.hangs_until = std::max<TimePoint>(beam.hangs_until, now_ + std::min<Milliseconds>(lasts, 8s));
      break;
    case 7:
      goes_away(number, lasts);
      break;
    default:
      beam.same_cookie = false;
      after(lasts, [this, number] { mend_cookie(number); });
  }
}

void SimulatedWorld::fault_of_connections(int number, Milliseconds lasts) {
  Beam& beam = network_.beam(number);
  const int other = any_host();
  switch (dice_.number(1, 4)) {
    case 1:
      if (other == number) {
        break;
      }
      network_.part(number, other);
      after(dice_.chance(50) ? 1ms : 10s, [this, number, other] {
        if (!network_.reach(number, other)) {
          network_.cut(number, other);
        }
      });
      after(lasts, [this, number, other] { network_.join(number, other); });
      break;
    case 2:
      beam.alive = false;
      after(lasts, [this, number] { network_.beam(number).alive = true; });
      break;
    case 3:
      beam.mute = true;
      after(lasts, [this, number] { network_.beam(number).mute = false; });
      break;
    default:
      beam.drops = true;
      after(lasts, [this, number] { network_.beam(number).drops = false; });
  }
}

/// For about net_ticktime: the others notice, and it comes back still holding the old connections, for a
/// while.
void SimulatedWorld::goes_away(int number, Milliseconds lasts) {
  network_.beam(number).reachable = false;
  after(lasts / 2, [this, number] {
    outcome_.connections_lost += network_.beam(number).connections.size();
    network_.forget(number);
  });
  after(lasts, [this, number] { network_.beam(number).reachable = true; });
  after(lasts + dice_.between(1s, 8s), [this, number] {
    const std::set<int> connections = network_.beam(number).connections;
    for (const int other : connections) {
      if (!network_.connected(number, other)) {
        network_.cut(number, other);
      }
    }
  });
}

/// A container leaves, and another service's takes its address, with a BEAM of the same name, no C-node of
/// ours, and members that its application is rightly connected to.
void SimulatedWorld::address_moves(int number) {
  if (!belongs(number) || lasting_.contains(number) || nodes_.at(number)->retired) {
    return;
  }
  metadata_.remove(number);
  publish();
  after(dice_.between(200ms, 30s), [this, number] {
    if (belongs(number) || nodes_.at(number)->retired) {
      return;
    }
    stop_beam(number, 1h);
    nodes_.at(number)->retired = true;
    const int friend_of_it = any_host();
    after(dice_.between(100ms, 5s), [this, number, friend_of_it] {
      if (belongs(number)) {
        return;
      }
      Beam& beam = network_.beam(number);
      beam.up = beam.epmd = beam.foreign = true;
      ++beam.boots;
      if (network_.can_connect(number, friend_of_it)) {
        connect(number, friend_of_it);
      }
    });
  });
}

/// A container that belonged is listed again.
void SimulatedWorld::join_again(int number) {
  metadata_.list(number);
  Beam& beam = network_.beam(number);
  if (nodes_.at(number)->retired) {
    network_.cut_all(number);
    beam.up = beam.foreign = false;
    start_node(number);
  }
  start_beam(number);
}

/// A departed peer's address goes to a new container while nobody can read: nobody may disconnect that one.
void SimulatedWorld::address_reused_in_an_outage(int number) {
  for (const auto& [reader, node] : nodes_) {
    node->fault = dice_.chance(50) ? Fault::unknown : Fault::emptied;
    read_soon(reader, 1ms);
  }
  after(500ms, [this, number] {
    if (belongs(number)) {
      return;
    }
    join_again(number);
    metadata_.publish();
  });
  after(dice_.between(1s, 40s), [this] {
    for (const auto& [reader, node] : nodes_) {
      node->fault = Fault::none;
    }
    publish();
  });
}

/// New containers all the time, faster than a dead one is found to be dead, for as long as the faults last.
void SimulatedWorld::arrive() {
  constexpr int per_step = 2;
  for (int i = 0; i < per_step; ++i) {
    const int number = next_host_++;
    Beam& beam = network_.beam(number);
    beam.up = beam.epmd = dice_.chance(10);
    beam.reachable = beam.up || dice_.chance(20);
    metadata_.list(number);
  }
  publish();
  if (next_host_ + per_step <= network_.hosts()) {
    after(1s, [this] { arrive(); });
  }
}

void SimulatedWorld::fault_of_metadata(int number) {
  if (scenario_.metadata_faults_only) {
    return survivable_fault(number);
  }
  constexpr std::array<Fault, 7> faults{Fault::unknown,  Fault::emptied,      Fault::stale,
                                        Fault::flapping, Fault::without_self, Fault::may_only_add,
                                        Fault::frozen};
  Node& node = *nodes_.at(number);
  node.fault = faults.at(static_cast<std::size_t>(dice_.number(0, 6)));
  if (node.fault == Fault::frozen) {
    node.odd_one = metadata_.odd_one(number, {}, dice_);
  }
  after(dice_.between(100ms, 40s), [this, number] { nodes_.at(number)->fault = Fault::none; });
  if (dice_.chance(20)) {
    read_soon(number, dice_.between(5s, 20s));  // the process is paused
  } else if (dice_.chance(50)) {
    read_soon(number, 1ms);
  }
}

/// One that must cost no connection by the rules: what hides a host's own container lasts for less than the
/// removal delay, and a true read comes before the next of these. What hides others may last as long as it
/// wants.
void SimulatedWorld::survivable_fault(int number) {
  constexpr std::array<Fault, 8> faults{Fault::unknown,      Fault::emptied,      Fault::stale,
                                        Fault::flapping,     Fault::without_self, Fault::self_alone,
                                        Fault::may_only_add, Fault::frozen};
  Node& node = *nodes_.at(number);
  if (node.fault != Fault::none) {
    return;
  }
  const Fault fault = faults.at(static_cast<std::size_t>(dice_.number(0, 7)));
  Milliseconds longest = 100s;
  if (fault == Fault::stale || fault == Fault::flapping || fault == Fault::without_self) {
    if (!node.read_well) {
      return;
    }
    longest = 8s;
    node.read_well = false;
  }
  node.fault = fault;
  if (fault == Fault::frozen) {
    node.odd_one = metadata_.odd_one(number, {}, dice_);
  }
  after(dice_.between(100ms, longest), [this, number] { nodes_.at(number)->fault = Fault::none; });
  if (dice_.chance(50)) {
    read_soon(number, 1ms);
  }
}

void SimulatedWorld::change_of_service() {
  const int number = any_host();
  const bool listed = metadata_.truth().contains(number);
  const bool lasting = lasting_.contains(number);
  switch (dice_.number(1, 7)) {
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
        join_again(number);
      }
      break;
    case 3:
      if (listed) {
        metadata_.set_up(number, !metadata_.truth().at(number).up);
      }
      break;
    case 4:
      // A container that no read ever listed with its address cannot be known to last.
      if (listed && !lasting) {
        metadata_.set_address(number, !metadata_.truth().at(number).has_address);
      }
      if (listed && dice_.chance(30)) {
        metadata_.change_sidekick(number, dice_);
      }
      break;
    case 5:
      if (listed) {
        metadata_.set_healthy(number, !metadata_.truth().at(number).healthy);
      }
      break;
    case 6:
      if (listed) {
        metadata_.change_sidekick(number, dice_);
      }
      break;
    default:
      if (listed) {
        metadata_.replace(number);
        stop_beam(number, dice_.between(500ms, 10s));
      }
  }
}

}  // namespace rancher_cnode::simulation
