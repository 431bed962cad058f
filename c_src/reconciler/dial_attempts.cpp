// The half of Dialler that carries an attempt through its stages: probe, inspection, dial.
#include <algorithm>
#include <iterator>

#include "reconciler/dialler.hpp"

namespace rancher_cnode::reconciler {

void Dialler::take(TimePoint now, const event::Probed& event) {
  Peer* peer = complete(event.id);
  const bool found = event.outcome == ProbeOutcome::found;
  if (!found) {
    ++counters_.probes_failed;
  }
  if (peer == nullptr) {
    return;
  }
  peer->lookup = found ? Lookup::found : Lookup::missed;
  peer->port = event.port;
  peer->probed_at = now;
  if (!found || event.port != peer->refused_port) {
    peer->refusals = 0;
  }
  if (!found) {
    return fail(now, *peer, words(event.outcome, settings_.probe));
  }
  if (peer->wants_dial() && now < peer->dial_due && peer->refusals > 0) {
    queue_.add_waiting(*peer, now + retry_wait(peer->failures));
  }
  go_on(now, *peer);
}

void Dialler::take(TimePoint now, const event::Inspected& event) {
  Peer* peer = complete(event.id);
  if (peer == nullptr) {
    return;
  }
  switch (event.outcome) {
    case InspectOutcome::refreshed:
      facts_.emplace_back(fact::Refreshed{*peer->name});
      [[fallthrough]];
    case InspectOutcome::clear:
      forget_loss(*peer);
      peer->connections = event.connections;
      std::ranges::sort(*peer->connections);
      break;
    case InspectOutcome::stale:
    case InspectOutcome::no_answer:
      if (++peer->inspections < settings_.max_inspections) {
        return fail(now, *peer, words(event.outcome));
      }
      forget_loss(*peer);
  }
  go_on(now, *peer);
}

/// The stage succeeded; the next one starts in this step if the peer is still to be dialled.
void Dialler::go_on(TimePoint now, Peer& peer) {
  if (ready_ && may_dial_ && peer.wants_dial() && peer.place == Queued::Place::none) {
    newcomers_.add(peer);
  }
  settle(now, peer);
}

/// Starts the next stage of every peer that is ready for it, in their order, while there are free slots.
void Dialler::advance_ready(TimePoint now, std::vector<Action>& actions) {
  newcomers_due_ = TimePoint::max();
  if (newcomers_.peers().empty()) {
    return;
  }
  const std::vector<Peer*> in_doubt = newcomers_.in_doubt(now, peers_);
  std::vector<Peer*> connected;
  std::ranges::copy_if(in_doubt, std::back_inserter(connected), &Peer::is_connected);
  look_up(now, connected, actions);
  const auto is_looked_up = [](const Peer* peer) { return peer->flight != 0 && peer->stage == Stage::probe; };
  if (std::ranges::any_of(connected, is_looked_up)) {
    return;
  }
  for (Peer* peer : std::vector<Peer*>(newcomers_.peers())) {
    advance(now, *peer, in_doubt, actions);
  }
}

void Dialler::advance(TimePoint now, Peer& peer, const std::vector<Peer*>& in_doubt,
                      std::vector<Action>& actions) {
  if (peer.place != Queued::Place::ready) {
    return;  // a peer before it needed it to be looked up again
  }
  if (!may_dial_ || !peer.wants_dial()) {
    newcomers_.remove(peer);
    return settle(now, peer);
  }
  const auto [verdict, needed, look_again] = newcomers_.judge(now, peer, in_doubt);
  if (verdict == Newcomers::Verdict::wait) {
    peer.held_since = peer.held_since.value_or(now);
    state_reason(peer, settings_.probe == ProbeMode::port
                           ? "waits while a member that it would connect to cannot be reached"
                           : "waits while the epmd of a member that it would connect to does not answer");
    update_state(now, peer);
    look_up(now, needed, actions);
    newcomers_due_ = std::min(newcomers_due_, look_again);
  } else if (has_slot()) {
    newcomers_.remove(peer);
    start(now, peer, verdict == Newcomers::Verdict::inspect ? Stage::inspect : Stage::dial, actions);
  }
}

void Dialler::look_up(TimePoint now, const std::vector<Peer*>& members, std::vector<Action>& actions) {
  for (Peer* member : members) {
    if (has_slot() && Newcomers::lookup_is_due(now, *member)) {
      // It may be ready for a dial of its own; that attempt starts over.
      queue_.remove(*member);
      newcomers_.remove(*member);
      start(now, *member, Stage::probe, actions);
    }
  }
}

void Dialler::take_dial(TimePoint now, ActionId id, DialOutcome outcome) {
  Peer* peer = complete(id);
  if (outcome != DialOutcome::connected) {
    ++counters_.dials_failed;
  }
  if (peer == nullptr) {
    return;
  }
  if (outcome == DialOutcome::refused) {
    note_refusal(now, *peer);
  }
  if (outcome != DialOutcome::connected) {
    return fail(now, *peer, words(outcome, settings_.probe));
  }
  gain_connection(now, *peer, now - peer->started);
}

/// Each refusal is a line in the log of the peer's application. If the probe finds the same port, it is the
/// same process and will most likely refuse again.
void Dialler::note_refusal(TimePoint now, Peer& peer) {
  ++peer.refusals;
  peer.refused_port = peer.port;
  const Duration longest = longest_wait(peer.refusals, settings_.refusal_limit);
  peer.dial_due = longest > settings_.retry_limit ? now + longest : now;
}

/// Ends an action in flight. nullptr if the action was forgotten, or its peer is no longer a member.
Peer* Dialler::complete(ActionId id) {
  const auto flight = flights_.find(id);
  if (flight == flights_.end()) {
    ++counters_.stale_answers;
    return nullptr;
  }
  Peer* peer = flight->second;
  flights_.erase(flight);
  peer->flight = 0;
  return peer->is_member() ? peer : nullptr;
}

void Dialler::start_due(TimePoint now, std::vector<Action>& actions) {
  queue_.promote(now);
  if (!ready_) {
    return;
  }
  advance_ready(now, actions);
  while (may_dial_ && has_slot()) {
    Queued* next = queue_.pop();
    if (next == nullptr) {
      return;
    }
    auto& peer = static_cast<Peer&>(*next);
    if (settings_.probe != ProbeMode::off) {
      start(now, peer, Stage::probe, actions);
    } else {
      newcomers_.add(peer);
      advance(now, peer, {}, actions);
    }
  }
}

void Dialler::start(TimePoint now, Peer& peer, Stage stage, std::vector<Action>& actions) {
  const ActionId id = ids_.take();
  peer.flight = id;
  peer.stage = stage;
  peer.started = now;
  flights_.emplace(id, &peer);
  switch (stage) {
    case Stage::probe:
      peer.connections.reset();
      ++counters_.probes;
      actions.emplace_back(action::Probe{id, *peer.name});
      break;
    case Stage::inspect:
      ++counters_.inspections;
      actions.emplace_back(action::Inspect{id, *peer.name});
      break;
    case Stage::dial:
      peer.connections.reset();
      ++counters_.dials;
      actions.emplace_back(action::Dial{id, *peer.name});
      break;
  }
  update_state(now, peer);
}

}  // namespace rancher_cnode::reconciler
