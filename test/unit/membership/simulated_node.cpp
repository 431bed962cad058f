#include "simulated_node.hpp"

#include <algorithm>
#include <chrono>
#include <type_traits>

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
  MembershipSettings rules = rules_;
  rules.own_address = samples::address(number);
  nodes_[number] = std::make_unique<Node>(number, scope_, rules, settings, names_);
  nodes_[number]->polls = dice_.chance(30);
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
  if (const auto rule = node.oracle.against(*node.membership.desired(), names_)) broken(number, *rule);
  if (const auto rule = node.oracle.against_reports(node.membership, names_)) broken(number, *rule);
  // Who long-polls hears nothing more while nothing changes; an answer that fails is asked for again, and while the
  // version flaps each long-poll ends early.
  Duration pause = node.polls || !answer.listing ? Duration(5s) : Duration(60s);
  if (node.fault == Fault::flapping) pause = 1s;
  TimePoint next = now_ + pause;
  if (const auto wanted = node.membership.wants_read_at()) next = std::min(next, *wanted);
  read_soon(number, std::chrono::ceil<Milliseconds>(next - now_));
}

void SimulatedWorld::step(int number, const Event& event) {
  Node& node = *nodes_.at(number);
  node.takes_list = std::holds_alternative<event::LinksListed>(event);
  const std::vector<Action> actions = node.reconciler.step(now_, event);
  std::visit(
      [&]<class What>(const What& what) {
        if constexpr (std::is_same_v<What, event::DesiredChanged>) {
          node.pace.want(now_, node.oracle.wanted());
        } else if constexpr (std::is_same_v<What, event::LinksListed>) {
          node.pace.listed(now_, what.id, node.last_links);
        } else {
          node.pace.take(now_, what);
        }
      },
      event);
  for (const Action& action : actions) {
    std::visit([&](const auto& what) { carry_out(number, what); }, action);
  }
  if (node.leaves.size() > tuning_.max_leaves) broken(number, "more than max_leaves leaves in flight");
  if (const auto rule = node.pace.judge(now_, node.reconciler)) broken(number, *rule);
  schedule_tick(number);
}

void SimulatedWorld::schedule_tick(int number) {
  Node& node = *nodes_.at(number);
  const TimePoint wake = node.reconciler.next_wake();
  if (wake <= now_) return;  // a rule that is broken, and reported as such
  if (wake >= node.tick) return;
  node.tick = wake;
  const Node* planned_by = &node;
  at(wake, [this, number, wake, planned_by] {
    Node& current = *nodes_.at(number);
    if (&current != planned_by || current.tick != wake) return;
    current.tick = TimePoint::max();
    if (current.reconciler.next_wake() > now_) return schedule_tick(number);
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

void SimulatedWorld::carry_out(int number, const action::ListLinks& action) {
  nodes_.at(number)->pace.lists(now_, action.id);
  nodes_.at(number)->lists.insert(action.id);
  // The links are those of some moment between the question and the answer.
  const Milliseconds way_there = dice_.between(0ms, 2ms);
  after(way_there, [this, number, id = action.id] {
    const auto links = std::make_shared<const std::set<int>>(network_.beam(number).links);
    const bool fails = !calm_ && dice_.chance(2);
    answer(number, dice_.between(0ms, 2ms), [this, number, id, links, fails]() -> Event {
      Node& node = *nodes_.at(number);
      const bool in_time = node.lists.erase(id) > 0;  // else the target restarted meanwhile
      if (fails) return event::ListFailed{id};
      if (in_time) {
        node.last_links = *links;
        const auto& leavers = node.membership.desired()->leavers;
        std::erase_if(node.looks, [&](const auto& entry) { return !links->contains(entry.first); });
        for (const int other : *links) {
          if (leavers.contains(names_.at(static_cast<std::size_t>(other)))) ++node.looks[other];
        }
      }
      event::LinksListed listed{id, {}};
      for (const int other : *links) listed.links.push_back(names_.at(static_cast<std::size_t>(other)));
      return listed;
    });
  });
}

void SimulatedWorld::starts(int number, int peer) {
  const auto rule = nodes_.at(number)->oracle.against_dial(peer);
  if (rule) broken(number, *rule + ": " + std::to_string(peer));
}

void SimulatedWorld::carry_out(int number, const action::Probe& action) {
  const int peer = number_of(action.peer);
  starts(number, peer);
  nodes_.at(number)->pace.probes(now_, action.id, peer);
  const bool vanishes = !network_.reach(number, peer);
  answer(number, vanishes ? 1s : dice_.between(0ms, 3ms), [this, peer, vanishes, id = action.id]() -> Event {
    const Beam& now = network_.beam(peer);
    if (vanishes) return event::Probed{id, ProbeOutcome::no_answer};
    if (!now.epmd) return event::Probed{id, ProbeOutcome::refused};
    return event::Probed{id, now.up ? ProbeOutcome::found : ProbeOutcome::not_registered};
  });
}

void SimulatedWorld::carry_out(int number, const action::Dial& action) {
  const int peer = number_of(action.peer);
  starts(number, peer);
  nodes_.at(number)->pace.dials(now_, action.id, peer);
  ++outcome_.dials;
  const bool alive = network_.beam(number).alive;
  const bool mute = alive && network_.beam(number).mute;
  const bool vanishes = alive && (mute || !network_.reach(number, peer));
  after(vanishes ? 7s : dice_.between(1ms, 10ms), [this, number, peer, alive, mute, id = action.id] {
    const bool linked =
        network_.beam(number).links.contains(peer) || (alive && network_.can_link(number, peer));
    if (linked) link(number, peer);
    DialOutcome outcome = linked ? DialOutcome::linked : DialOutcome::refused;
    if (!alive) outcome = DialOutcome::not_alive;
    if (mute) outcome = DialOutcome::no_reply;
    answer(number, dice_.between(0ms, 2ms), [id, outcome]() -> Event { return event::Dialled{id, outcome}; });
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
  LeaveOutcome outcome = LeaveOutcome::done;
  if (!calm_ && dice_.chance(15)) outcome = LeaveOutcome::failed;
  if (!network_.reach(number, peer) || !network_.beam(peer).up) outcome = LeaveOutcome::unreachable;
  const Milliseconds takes = outcome == LeaveOutcome::unreachable ? 5s : dice_.between(2ms, 20ms);
  after(takes, [this, number, peer, outcome, id = action.id] {
    if (outcome == LeaveOutcome::done) {
      outcome_.links_lost += network_.beam(peer).links.size();
      network_.cut_all(peer);
    }
    answer(number, 1ms, [this, number, id, outcome]() -> Event {
      nodes_.at(number)->leaves.erase(id);
      return event::Left{id, outcome};
    });
  });
}

void SimulatedWorld::link(int a, int b) {
  if (network_.beam(a).links.contains(b)) return;
  network_.link(a, b);
  if (network_.beam(a).drops || network_.beam(b).drops) {
    after(dice_.between(1ms, 60ms), [this, a, b] { network_.cut(a, b); });
    return;
  }
  if (!transitive_) return;
  for (const int near : {a, b}) {
    const int far = near == a ? b : a;
    const std::set<int> others = network_.beam(far).links;
    for (const int other : others) {
      if (network_.can_link(near, other)) network_.link(near, other);
    }
  }
}

}  // namespace rancher_cnode::membership::simulation
