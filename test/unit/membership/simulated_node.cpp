#include "simulated_node.hpp"

#include <algorithm>
#include <chrono>

namespace rancher_cnode::membership::simulation {

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
  nodes_[number] = std::make_unique<Node>(number, scope_, removal_, settings);
  read_soon(number, dice_.between(1ms, 300ms));
  if (network_.beam(number).up) start_beam(number);
}

void SimulatedWorld::read_soon(int number, Milliseconds delay) {
  const std::uint64_t turn = ++nodes_.at(number)->reads;
  after(delay, [this, number, turn] {
    if (nodes_.at(number)->reads == turn) read(number);
  });
}

void SimulatedWorld::read(int number) {
  Node& node = *nodes_.at(number);
  const Answer answer = metadata_.answer(node.fault, number, dice_);
  node.oracle.take(now_, answer);
  if (node.fault == Fault::none) node.read_well = true;
  if (node.membership.observe(now_, scope_, *answer.read)) {
    step(number, event::DesiredChanged{node.membership.desired()});
  }
  TimePoint next = now_ + 5s;
  if (const auto wanted = node.membership.wants_read_at()) {
    if (*wanted <= now_) broken(number, "a read is wanted at once, again and again");
    next = std::min(next, *wanted);
  }
  read_soon(number, std::chrono::ceil<Milliseconds>(next - now_));
}

void SimulatedWorld::step(int number, const Event& event) {
  Node& node = *nodes_.at(number);
  node.takes_list = std::holds_alternative<event::LinksListed>(event);
  for (const Action& action : node.reconciler.step(now_, event)) {
    std::visit([&](const auto& what) { carry_out(number, what); }, action);
  }
  check_limits(number);
  schedule_tick(number);
}

void SimulatedWorld::schedule_tick(int number) {
  Node& node = *nodes_.at(number);
  const TimePoint wake = node.reconciler.next_wake();
  if (wake <= now_) return broken(number, "wants to be woken at once after a step");
  if (wake >= node.tick) return;
  node.tick = wake;
  const Node* planned_by = &node;
  at(wake, [this, number, wake, planned_by] {
    Node& current = *nodes_.at(number);
    if (&current != planned_by || current.tick != wake) return;
    current.tick = TimePoint::max();
    step(number, event::Tick{});
  });
}

/// Brings an answer back, also to a target that has restarted since: it must know by itself that the answer
/// is stale.
void SimulatedWorld::answer(int number, Milliseconds delay, std::function<Event()> make) {
  const Beam& beam = network_.beam(number);
  const Node* asked_by = nodes_.at(number).get();
  if (beam.stalled) delay += dice_.between(500ms, 6s);
  after(delay, [this, number, asked_by, make = std::move(make)] {
    if (nodes_.at(number).get() == asked_by) step(number, make());
  });
}

void SimulatedWorld::landed(int number, ActionId id) {
  Node& node = *nodes_.at(number);
  node.probes.erase(id);
  node.dials.erase(id);
  node.leaves.erase(id);
  node.lists.erase(id);
}

void SimulatedWorld::carry_out(int number, const action::ListLinks& action) {
  nodes_.at(number)->lists.insert(action.id);
  // The links are those of some moment between the question and the answer.
  const Milliseconds way_there = dice_.between(0ms, 2ms);
  after(way_there, [this, number, id = action.id] {
    const auto links = std::make_shared<const std::set<int>>(network_.beam(number).links);
    const bool fails = !calm_ && dice_.chance(2);
    answer(number, dice_.between(0ms, 2ms), [this, number, id, links, fails]() -> Event {
      landed(number, id);
      if (fails) return event::ListFailed{id};
      Node& asker = *nodes_.at(number);
      asker.last_links = *links;
      const auto& leavers = asker.membership.desired()->leavers;
      std::erase_if(asker.looks, [&](const auto& entry) { return !links->contains(entry.first); });
      for (const int other : *links) {
        if (leavers.contains(names_.at(static_cast<std::size_t>(other)))) ++asker.looks[other];
      }
      event::LinksListed listed{id, {}};
      for (const int other : *links) listed.links.push_back(names_.at(static_cast<std::size_t>(other)));
      return listed;
    });
  });
}

void SimulatedWorld::carry_out(int number, const action::Probe& action) {
  Node& node = *nodes_.at(number);
  const int peer = number_of(action.peer);
  if (const auto rule = node.oracle.against_dial(peer)) broken(number, *rule + ": " + std::to_string(peer));
  node.probes.emplace(action.id, peer);
  const Beam& there = network_.beam(peer);
  const bool vanishes = !there.reachable || !network_.beam(number).reachable;
  answer(number, vanishes ? 1s : dice_.between(0ms, 3ms),
         [this, number, peer, vanishes, id = action.id]() -> Event {
           landed(number, id);
           const Beam& now = network_.beam(peer);
           if (vanishes) return event::Probed{id, ProbeOutcome::no_answer};
           if (!now.epmd) return event::Probed{id, ProbeOutcome::refused};
           return event::Probed{id, now.up ? ProbeOutcome::found : ProbeOutcome::not_registered};
         });
}

void SimulatedWorld::carry_out(int number, const action::Dial& action) {
  Node& node = *nodes_.at(number);
  const int peer = number_of(action.peer);
  if (const auto rule = node.oracle.against_dial(peer)) broken(number, *rule + ": " + std::to_string(peer));
  node.dials.emplace(action.id, peer);
  ++outcome_.dials;
  const bool vanishes = !network_.beam(peer).reachable || !network_.beam(number).reachable;
  after(vanishes ? 7s : dice_.between(1ms, 10ms), [this, number, peer, id = action.id] {
    const bool linked = network_.beam(number).links.contains(peer) || network_.can_link(number, peer);
    if (linked) link(number, peer);
    answer(number, dice_.between(0ms, 2ms), [this, number, id, linked]() -> Event {
      landed(number, id);
      return event::Dialled{id, linked ? DialOutcome::linked : DialOutcome::refused};
    });
  });
}

void SimulatedWorld::carry_out(int number, const action::Leave& action) {
  Node& node = *nodes_.at(number);
  const int peer = number_of(action.peer);
  if (const auto rule = node.oracle.against_leave(peer)) broken(number, *rule + ": " + std::to_string(peer));
  // One that never saw itself listed takes each read by name for whole, a half-joined one too.
  const bool alone = node.membership.desired()->own == OwnPresence::unknown;
  if (lasting_.contains(peer) && peer != number && !alone) {
    broken(number, "asked a peer to leave that was always listed");
  }
  if (peer != number && !node.last_links.contains(peer))
    broken(number, "asked a peer to leave that is not linked");
  if (!node.takes_list || (peer != number && node.looks[peer] < 2))
    broken(number, "asked a peer to leave without a second look at the links");
  node.looks.erase(peer);
  if (node.asked_to_leave.contains(peer) && now_ - node.asked_to_leave[peer] < 30s) {
    broken(number, "asked a peer to leave twice within 30 s");
  }
  node.asked_to_leave[peer] = now_;
  node.leaves.emplace(action.id, peer);
  ++outcome_.leaves;
  const bool reachable =
      network_.beam(peer).reachable && network_.beam(number).reachable && network_.beam(peer).up;
  after(reachable ? dice_.between(2ms, 20ms) : 5s, [this, number, peer, reachable, id = action.id] {
    if (reachable) {
      outcome_.links_lost += network_.beam(peer).links.size();
      network_.cut_all(peer);
    }
    answer(number, 1ms, [this, number, id, reachable]() -> Event {
      landed(number, id);
      return event::Left{id, reachable ? LeaveOutcome::done : LeaveOutcome::unreachable};
    });
  });
}

void SimulatedWorld::link(int a, int b) {
  if (network_.beam(a).links.contains(b)) return;
  network_.link(a, b);
  if (!transitive_) return;
  for (const int near : {a, b}) {
    const int far = near == a ? b : a;
    const std::set<int> others = network_.beam(far).links;
    for (const int other : others) {
      if (network_.can_link(near, other)) network_.link(near, other);
    }
  }
}

void SimulatedWorld::check_limits(int number) {
  const Node& node = *nodes_.at(number);
  if (node.probes.size() + node.dials.size() > tuning_.max_dials)
    broken(number, "more than max_dials probes and dials in flight");
  if (node.leaves.size() > tuning_.max_leaves) broken(number, "more than max_leaves leaves in flight");
  if (node.lists.size() > 1) broken(number, "more than one list in flight");
  std::set<int> peers;
  for (const auto* flights : {&node.probes, &node.dials}) {
    for (const auto& [id, peer] : *flights) {
      if (!peers.insert(peer).second)
        broken(number, "two actions in flight for one peer: " + std::to_string(peer));
    }
  }
}

/// No peer waits longer than the queue before it can take, nor for a retry longer than the limit.
void SimulatedWorld::check_patience(int number) {
  const Node& node = *nodes_.at(number);
  const auto own = node.membership.desired()->own;
  const bool dials = own == OwnPresence::unknown || own == OwnPresence::present;
  if (!node.target_up || !dials || network_.beam(number).stalled) return;
  const auto peers = node.reconciler.peers();
  // Each turn of the queue takes at most a probe (1 s), a dial (7 s), and an answer held up by a stalled BEAM
  // (6 s, twice).
  const auto turns = static_cast<int>(peers.size() / tuning_.max_dials) + 2;
  for (const PeerView& peer : peers) {
    if (peer.state == PeerState::queued && now_ - peer.since > turns * 2 * 20s + 10s) {
      broken(number, "starved: " + peer.node.str());
    }
    if (peer.next_try && *peer.next_try > now_ + 10s) broken(number, "waits too long: " + peer.node.str());
  }
}

}  // namespace rancher_cnode::membership::simulation
