#include "simulated_node.hpp"

#include <algorithm>
#include <chrono>
#include <type_traits>

namespace rancher_cnode::simulation {

using namespace std::chrono_literals;

namespace {

int number_of(const NodeName& name) {
  return static_cast<int>(Ipv4Address::parse(name.host()).value().bits() - samples::address(0).bits());
}

}  // namespace

void SimulatedWorld::start_node(int number) {
  ReconcilerSettings settings = tuning_;
  settings.target = samples::node(number);
  settings.seed = dice_.next();
  MembershipSettings rules = rules_;
  rules.own_address = samples::address(number);
  nodes_[number] = std::make_unique<Node>(number, scope_, rules, settings, names_);
  nodes_[number]->polls = dice_.chance(30);
  read_soon(number, dice_.between(1ms, 300ms));
  if (network_.beam(number).up) {
    start_beam(number);
  }
}

void SimulatedWorld::read_soon(int number, Milliseconds delay) {
  const std::uint64_t turn = ++nodes_.at(number)->reads;
  after(delay, [this, number, turn] {
    if (nodes_.at(number)->reads == turn) {
      read(number);
    }
  });
}

void SimulatedWorld::read(int number) {
  Node& node = *nodes_.at(number);
  if (node.retired) {
    return;
  }
  const Answer answer =
      node.fault == Fault::frozen ? *node.odd_one : metadata_.answer(node.fault, number, dice_);
  node.oracle.take(now_, answer);
  if (node.fault == Fault::none) {
    node.read_well = true;
  }
  const Observed observed = node.membership.observe(now_, scope_, *answer.read, answer.authority);
  if (observed.desired_changed) {
    step(number, event::DesiredChanged{node.membership.desired()});
  }
  outcome_.facts += observed.facts.size();
  if (const auto rule = node.facts.judge(observed.facts, node.membership)) {
    broken(number, *rule);
  }
  if (const auto rule = node.oracle.against(*node.membership.desired(), names_)) {
    broken(number, *rule);
  }
  if (const auto rule = node.oracle.against_reports(node.membership, names_)) {
    broken(number, *rule);
  }
  // Who long-polls hears nothing more while nothing changes; an answer that fails is asked for again, and
  // while the version flaps each long-poll ends early.
  Duration pause = node.polls || !answer.listing ? Duration(5s) : Duration(60s);
  if (node.fault == Fault::flapping) {
    pause = 1s;
  }
  TimePoint next = now_ + pause;
  if (const auto wanted = node.membership.wants_read_at()) {
    next = std::min(next, *wanted);
  }
  read_soon(number, std::chrono::ceil<Milliseconds>(next - now_));
}

void SimulatedWorld::step(int number, const Event& event) {
  Node& node = *nodes_.at(number);
  if (node.retired) {
    return;
  }
  const Step step = node.reconciler.step(now_, event);
  std::visit(
      [&]<class What>(const What& what) {
        if constexpr (std::is_same_v<What, event::DesiredChanged>) {
          node.departures.want(now_, node.oracle.wanted_departures());
          node.pace.want(now_, node.oracle.wanted());
        } else if constexpr (std::is_same_v<What, event::ConnectionsListed>) {
          node.departures.listed(now_, what.id, node.last_connections);
          node.pace.listed(now_, what.id, node.last_connections);
        } else {
          node.departures.take(now_, what);
          node.pace.take(now_, what);
        }
      },
      event);
  node.pace.add(node.departures.needs(now_));
  for (const ConnectionFact& fact : step.facts) {
    ++outcome_.facts;
    if (const auto* departed = std::get_if<reconciler::fact::Departed>(&fact)) {
      node.departures.states(number_of(departed->peer), *departed);
    }
  }
  for (const Action& action : step.actions) {
    std::visit([&](const auto& what) { execute(number, what); }, action);
  }
  if (const auto rule = node.departures.judge(node.reconciler)) {
    broken(number, *rule);
  }
  if (const auto rule = node.facts.judge(event, step, node.reconciler)) {
    broken(number, *rule);
  }
  const auto rule = node.pace.judge(now_, node.reconciler);
  // It knows nothing of newcomers that are held.
  if (rule && tuning_.newcomer_patience == Milliseconds::zero()) {
    broken(number, *rule);
  }
  schedule_tick(number);
}

void SimulatedWorld::schedule_tick(int number) {
  Node& node = *nodes_.at(number);
  const TimePoint wake = node.reconciler.next_wake();
  if (wake <= now_) {
    return;  // a rule that is broken, and reported as such
  }
  if (wake >= node.tick) {
    return;
  }
  node.tick = wake;
  const Node* planned_by = &node;
  at(wake, [this, number, wake, planned_by] {
    Node& current = *nodes_.at(number);
    if (&current != planned_by || current.tick != wake) {
      return;
    }
    current.tick = TimePoint::max();
    if (current.reconciler.next_wake() > now_) {
      return schedule_tick(number);
    }
    step(number, event::Tick{});
  });
}

/// Brings an answer back, also to a target that has restarted since: it must know by itself that the answer
/// is stale.
void SimulatedWorld::answer(int number, Milliseconds delay, std::function<Event()> make) {
  const Beam& beam = network_.beam(number);
  const Node* asked_by = nodes_.at(number).get();
  if (beam.stalled) {
    delay += dice_.between(500ms, 6s);
  }
  if (beam.hangs_until > now_) {
    delay += std::chrono::ceil<Milliseconds>(beam.hangs_until - now_);
  }
  after(delay, [this, number, asked_by, make = std::move(make)] {
    if (nodes_.at(number).get() == asked_by) {
      step(number, make());
    }
  });
}

void SimulatedWorld::execute(int number, const action::ListConnections& action) {
  nodes_.at(number)->departures.lists(now_, action.id);
  nodes_.at(number)->pace.lists(now_, action.id);
  nodes_.at(number)->lists.insert(action.id);
  // The connections are those of some moment between the question and the answer.
  const Milliseconds way_there = dice_.between(0ms, 2ms);
  after(way_there, [this, number, id = action.id] {
    const auto connections = std::make_shared<const std::set<int>>(network_.beam(number).connections);
    const bool fails = !calm_ && dice_.chance(2);
    answer(number, dice_.between(0ms, 2ms), [this, number, id, connections, fails]() -> Event {
      Node& node = *nodes_.at(number);
      const bool in_time = node.lists.erase(id) > 0;  // else the target restarted meanwhile
      if (fails) {
        return event::ListFailed{id};
      }
      if (in_time) {
        node.last_connections = *connections;
      }
      event::ConnectionsListed listed{id, {}};
      for (const int other : *connections) {
        listed.connections.push_back(names_.at(static_cast<std::size_t>(other)));
      }
      return listed;
    });
  });
}

void SimulatedWorld::starts(int number, int peer) {
  const auto rule = nodes_.at(number)->oracle.against_dial(peer);
  if (rule) {
    broken(number, *rule + ": " + std::to_string(peer));
  }
}

void SimulatedWorld::execute(int number, const action::Probe& action) {
  const int peer = number_of(action.peer);
  // A connected member may be probed for the sake of a newcomer.
  if (tuning_.newcomer_patience == Milliseconds::zero() ||
      !nodes_.at(number)->last_connections.contains(peer)) {
    starts(number, peer);
  }
  nodes_.at(number)->pace.probes(now_, action.id, peer);
  const bool vanishes = !network_.reach(number, peer);
  answer(number, vanishes ? 1s : dice_.between(0ms, 3ms), [this, peer, vanishes, id = action.id]() -> Event {
    const Beam& now = network_.beam(peer);
    if (vanishes) {
      return event::Probed{id, ProbeOutcome::no_answer};
    }
    if (!now.epmd) {
      return event::Probed{id, ProbeOutcome::refused};
    }
    if (!now.up) {
      return event::Probed{id, ProbeOutcome::not_registered};
    }
    return event::Probed{id, ProbeOutcome::found, now.port()};
  });
}

void SimulatedWorld::execute(int number, const action::Dial& action) {
  const int peer = number_of(action.peer);
  starts(number, peer);
  nodes_.at(number)->pace.dials(now_, action.id, peer);
  ++outcome_.dials;
  const bool alive = network_.beam(number).alive;
  const bool mute = alive && network_.beam(number).mute;
  const bool vanishes = alive && (mute || !network_.reach(number, peer));
  after(vanishes ? 7s : dice_.between(1ms, 10ms), [this, number, peer, alive, mute, id = action.id] {
    const bool knows = network_.beam(number).connections.contains(peer);
    const bool connected = knows || (alive && network_.can_connect(number, peer));
    if (connected && !knows) {
      connect(number, peer);
    }
    DialOutcome outcome = connected ? DialOutcome::connected : DialOutcome::refused;
    if (!connected && !network_.reach(number, peer)) {
      outcome = DialOutcome::silent;
    }
    if (!alive) {
      outcome = DialOutcome::not_alive;
    }
    if (mute) {
      outcome = DialOutcome::no_reply;
    }
    answer(number, dice_.between(0ms, 2ms), [id, outcome]() -> Event { return event::Dialled{id, outcome}; });
  });
}

void SimulatedWorld::connect(int a, int b) {
  if (network_.connected(a, b)) {
    return;
  }
  network_.connect(a, b);
  if (network_.beam(a).drops || network_.beam(b).drops) {
    after(dice_.between(1ms, 60ms), [this, a, b] { network_.cut(a, b); });
    return;
  }
  if (!transitive_) {
    return;
  }
  std::set<int> unreachable;
  for (const int near : {a, b}) {
    const int far = near == a ? b : a;
    const std::set<int> others = network_.beam(far).connections;
    for (const int other : others) {
      const bool unknown = other != near && !network_.connected(near, other);
      if (scenario_.global_cuts && unknown && !network_.beam(other).epmd) {
        unreachable.insert(other);
      } else if (network_.can_connect(near, other)) {
        network_.connect(near, other);
      }
    }
  }
  for (const int other : unreachable) {
    ++outcome_.cut_by_global;
    network_.cut_all(other);
  }
}

}  // namespace rancher_cnode::simulation
