// How connections are cut in the simulated world: what a C-node does to carry out a disconnect or an
// inspection, step by step as it is done on real BEAMs, and the rule for every connection that this costs.
//
// No connection a-b is cut while the metadata that speaks for it lists both ends:
// * By consent (the default): it is the end that gives the connection up whose own host's metadata speaks,
//   and its own C-node that asks. What the other end's host says does not hold it: that may be wrong alone,
//   or late.
// * Under `immediate` and with a function of the user's: the metadata of the C-node that asks. Under
//   `immediate` the departed BEAM parts from all, also from those whose metadata still list both.
// * It is looked at before the call. A BEAM comes to the call at most 2 s after that, so the newest answer
//   may list both again for as long.
// * A BEAM that was away gives up its own connections, whatever metadata say, if it holds one that the other
//   end has lost, by a look that is as fresh. They are dialled again at once.
#include <algorithm>
#include <chrono>

#include "simulated_node.hpp"
#include "simulated_world.hpp"
#include "support/unit/samples.hpp"

namespace rancher_cnode::simulation {

using namespace std::chrono_literals;

namespace {
constexpr Milliseconds connect_limit{6'000};
constexpr Milliseconds call_limit{5'000};

int number_of(const NodeName& name) {
  return static_cast<int>(Ipv4Address::parse(name.host()).value().bits() - samples::address(0).bits());
}
}  // namespace

void SimulatedWorld::check_disconnect(int number, int peer) {
  Node& node = *nodes_.at(number);
  const std::string name = ": " + std::to_string(peer);
  if (const auto rule = node.oracle.against_disconnect(peer)) {
    broken(number, *rule + name);
  }
  if (peer != number) {
    if (tuning_.departed_peers != DepartedPolicy::disconnect) {
      broken(number, "disconnects another although nobody there agrees" + name);
    }
    // One that never saw itself listed takes each read by name for authoritative, a half-joined one too; and
    // metadata that is wrong alone is enough where consent is not asked for.
    if (!node.last_connections.contains(peer)) {
      broken(number, "disconnects a peer that is not connected" + name);
    }
  } else if (std::ranges::none_of(node.last_connections,
                                  [&](int other) { return is_of_cluster(node, other); })) {
    broken(number, "disconnects its target, which is connected to nobody");
  }
  if (!node.asked.emplace(peer, node.oracle.departures_of(peer)).second) {
    broken(number, "disconnects twice for one departure" + name);
  }
  if (std::ranges::any_of(node.disconnects, [&](const auto& flight) {
        return flight.second == peer && node.oracle.departures_of(peer) < 2;
      })) {
    broken(number, "disconnects while it is disconnecting" + name);
  }
}

bool SimulatedWorld::is_of_cluster(const Node& node, int other) const {
  return node.oracle.lists_both(other, other) || node.oracle.ever_listed(other);
}

void SimulatedWorld::execute(int number, const action::Disconnect& action) {
  Node& node = *nodes_.at(number);
  const int peer = number_of(action.peer);
  node.departures.disconnects(now_, action.id, peer);
  check_disconnect(number, peer);
  node.disconnects.emplace(action.id, peer);
  ++outcome_.disconnects;
  disconnect(number, peer, [this, number, asked_by = &node, id = action.id](DisconnectOutcome outcome) {
    if (nodes_.at(number).get() != asked_by) {
      return;
    }
    const int asked = asked_by->disconnects.extract(id).mapped();
    // One that was withdrawn is made when it is due again.
    if (outcome == DisconnectOutcome::withdrawn) {
      std::erase_if(asked_by->asked, [&](const auto& entry) { return entry.first == asked; });
    }
    step(number, event::Disconnected{id, outcome});
  });
}

void SimulatedWorld::execute(int number, const action::Inspect& action) {
  const int peer = number_of(action.peer);
  starts(number, peer);
  Node& node = *nodes_.at(number);
  node.pace.inspects(now_, action.id, peer);
  ++outcome_.inspections;
  inspect(number, peer, [this, number, peer, asked_by = &node, id = action.id](InspectOutcome outcome) {
    if (nodes_.at(number).get() == asked_by) {
      event::Inspected inspected{id, outcome};
      if (outcome == InspectOutcome::clear) {
        inspected.connections = connections_of(peer);
      }
      step(number, inspected);
    }
  });
}

std::vector<NodeName> SimulatedWorld::connections_of(int number) const {
  std::vector<NodeName> result;
  for (const int other : network_.beam(number).connections) {
    result.push_back(names_.at(static_cast<std::size_t>(other)));
  }
  return result;
}

/// What a BEAM is connected to, asked by a C-node that connects for this.
void SimulatedWorld::look(int caller, int beam, std::function<void(const Look&)> then) {
  const Beam& now = network_.beam(beam);
  const Milliseconds way = dice_.between(1ms, 10ms);
  const bool own = caller == beam;
  const bool answers =
      now.up && now.hangs_until <= now_ + connect_limit && (own || network_.reach(caller, beam));
  if (!answers) {
    return after(now.up ? connect_limit : way, [then = std::move(then)] { then({}); });
  }
  at(std::max<TimePoint>(now.hangs_until, now_ + way),
     [this, beam, boots = now.boots, then = std::move(then)] {
       const Beam& looked_at = network_.beam(beam);
       const Look look{looked_at.up && looked_at.boots == boots, now_, looked_at.connections};
       after(1ms, [then, look] { then(look); });
     });
}

/// The BEAM looks at its clock and calls in one step, however long the request waited for it.
void SimulatedWorld::call_while_fresh(int caller, int beam, TimePoint looked_at, std::function<void()> what,
                                      const Done& done) {
  const bool waits = !calm_ && dice_.chance(30);
  Beam& now = network_.beam(beam);
  // It hangs just now.
  if (waits) {
    now.hangs_until = std::max<TimePoint>(now.hangs_until, now_ + dice_.between(200ms, 7s));
  }
  const TimePoint sent = now_;
  const bool own = caller == beam;
  const TimePoint comes_to_it = std::max<TimePoint>(now.hangs_until, now_ + dice_.between(1ms, 3ms));
  at(comes_to_it,
     [this, caller, beam, own, sent, looked_at, boots = now.boots, what = std::move(what), done] {
       const Beam& then = network_.beam(beam);
       DisconnectOutcome outcome = DisconnectOutcome::done;
       if (!then.up || then.boots != boots || (!own && !network_.reach(caller, beam))) {
         outcome = DisconnectOutcome::failed;
       } else if (now_ - looked_at > look_is_fresh) {
         ++outcome_.expired;
         outcome = DisconnectOutcome::withdrawn;
       } else {
         what();
       }
       // Nobody waits for longer for its answer.
       if (now_ - sent > call_limit) {
         outcome = DisconnectOutcome::failed;
       }
       if (!calm_ && dice_.chance(5)) {
         outcome = DisconnectOutcome::failed;
       }
       after(1ms, [done, outcome] { done(outcome); });
     });
}

void SimulatedWorld::disconnect(int number, int peer, const Done& done) {
  if (!calm_ && dice_.chance(5)) {
    return after(5ms, [done] { done(DisconnectOutcome::claimed); });
  }
  look(number, by_function_ ? number : peer,
       [this, number, peer, asked_by = nodes_.at(number).get(), done](const Look& look) {
         if (nodes_.at(number).get() != asked_by) {
           return;
         }
         disconnect_after_look(number, peer, look, done);
       });
}

void SimulatedWorld::disconnect_after_look(int number, int peer, const Look& look, const Done& done) {
  const Node& node = *nodes_.at(number);
  const int asked = by_function_ ? number : peer;
  if (!look.answered) {
    return done(DisconnectOutcome::unreachable);
  }
  if (!by_function_ && network_.beam(asked).old_otp) {
    return done(DisconnectOutcome::unsupported);
  }
  std::set<int> others = look.connections;
  std::erase_if(others, [&](int other) {
    if (peer == number) {
      return !is_of_cluster(node, other);
    }
    return other != (by_function_ ? peer : number);
  });
  if (others.empty()) {
    return done(DisconnectOutcome::done);
  }
  if (!node.membership.desired()->departed.contains(samples::node(peer))) {
    return done(DisconnectOutcome::withdrawn);
  }
  if (!by_function_) {
    others = look.connections;  // global:disconnect/0 parts from all
  }
  call_while_fresh(
      number, asked, look.at,
      [this, number, asked_by = &node, peer, others] { cut_departed(number, asked_by, peer, others); }, done);
}

void SimulatedWorld::cut_departed(int number, const Node* asked_by, int peer, const std::set<int>& others) {
  const int asked = by_function_ ? number : peer;
  std::set<int> cut = others;
  std::erase_if(cut, [&](int other) { return !network_.beam(asked).connections.contains(other); });
  // The C-node that asked may have restarted meanwhile: what it knew is gone.
  if (nodes_.at(number).get() == asked_by) {
    if (const auto rule = asked_by->oracle.against_cut(now_, peer, look_is_fresh)) {
      broken(number, *rule + ": " + std::to_string(peer));
    }
  }
  if (network_.beam(peer).foreign && tuning_.departed_peers != DepartedPolicy::disconnect) {
    broken(number, "disconnects a BEAM of another service: " + std::to_string(peer));
  }
  for (const int other : cut) {
    ++outcome_.cut;
    const auto far_end = nodes_.find(by_function_ && peer != number ? peer : other);
    if (far_end != nodes_.end() && far_end->second->oracle.lists_both(asked, far_end->first)) {
      ++outcome_.cut_alone;
    }
    network_.cut(asked, other);
  }
  outcome_.connections_lost += cut.size();
  if (network_.beam(peer).clingy) {
    reconnect_by_application(peer, peer == asked ? cut : std::set{number});
  }
}

void SimulatedWorld::reconnect_by_application(int number, const std::set<int>& others) {
  after(dice_.between(50ms, 5s), [this, number, others] {
    for (const int other : others) {
      if (!network_.can_connect(number, other) || network_.connected(number, other)) {
        continue;
      }
      ++outcome_.reconnected;
      connect(number, other);
    }
  });
}

/// The peer, which the target has lost, gives up its connections if it still takes itself for connected to
/// the target.
void SimulatedWorld::inspect(int number, int peer, const std::function<void(InspectOutcome)>& done) {
  if (!network_.beam(peer).same_cookie) {
    return after(2ms, [done] { done(InspectOutcome::no_answer); });
  }
  look(number, peer, [this, number, peer, done](const Look& of_peer) {
    if (!of_peer.answered) {
      return done(InspectOutcome::no_answer);
    }
    if (!of_peer.connections.contains(number)) {
      return done(InspectOutcome::clear);
    }
    look(number, number, [this, number, peer, of_peer, done](const Look& of_target) {
      if (!of_target.answered) {
        return done(InspectOutcome::no_answer);
      }
      if (of_target.connections.contains(peer)) {
        return done(InspectOutcome::clear);
      }
      if (network_.beam(peer).old_otp) {
        return done(InspectOutcome::stale);
      }
      call_while_fresh(
          number, peer, of_peer.at,
          [this, peer] {
            ++outcome_.refreshed;
            outcome_.connections_lost += network_.beam(peer).connections.size();
            network_.cut_all(peer);
          },
          [done](DisconnectOutcome outcome) {
            done(outcome == DisconnectOutcome::done ? InspectOutcome::refreshed : InspectOutcome::no_answer);
          });
    });
  });
}

}  // namespace rancher_cnode::simulation
