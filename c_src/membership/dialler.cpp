#include "dialler.hpp"

#include <algorithm>
#include <utility>

namespace rancher_cnode::membership {
namespace {

/// The first wait after a loss is that after so many failures: 400 ms.
constexpr std::uint32_t first_loss_wait = 2;

std::string_view words(ProbeOutcome outcome) {
  switch (outcome) {
    case ProbeOutcome::found:
      return {};
    case ProbeOutcome::no_answer:
      return "the peer's epmd does not answer";
    case ProbeOutcome::refused:
      return "the peer's epmd refuses the connection";
    case ProbeOutcome::not_registered:
      return "the peer's epmd does not know the node";
    case ProbeOutcome::no_epmd:
      return "what listens on the peer's epmd port is no epmd";
  }
  return {};
}

std::string_view words(InspectOutcome outcome) {
  switch (outcome) {
    case InspectOutcome::clear:
    case InspectOutcome::refreshed:
      return {};
    case InspectOutcome::stale:
      return "the peer still holds the connection that the target has lost";
    case InspectOutcome::no_answer:
      return "the peer is registered, but does not answer";
  }
  return {};
}

std::string_view words(DialOutcome outcome, ProbeMode probe) {
  switch (outcome) {
    case DialOutcome::linked:
      return {};
    case DialOutcome::refused:
      return probe == ProbeMode::epmd ? "registered, but the dial failed: probably cookie or version"
                                      : "the dial failed";
    case DialOutcome::silent:
      return "the dial was not answered: the peer's BEAM hangs, or the network drops its packets";
    case DialOutcome::not_alive:
      return "the target is not alive as a node";
    case DialOutcome::no_reply:
      return "the target did not answer the dial";
  }
  return {};
}

}  // namespace

Dialler::Dialler(const ReconcilerSettings& settings, ActionIds& ids, Random& random,
                 ReconcilerCounters& counters)
    : settings_(settings), ids_(ids), random_(random), counters_(counters) {}

void Dialler::take_desired(TimePoint now, const Desired& desired) {
  may_dial_ = (desired.own == OwnPresence::unknown || desired.own == OwnPresence::present) &&
              !desired.departed.contains(settings_.target) && !desired.suspended.contains(settings_.target);
  auto known = peers_.begin();
  auto dialable = desired.dialable.begin();
  for (const NodeName& name : desired.members) {
    if (name == settings_.target) {
      continue;
    }
    while (known != peers_.end() && known->first < name) {
      known = drop(known);
    }
    if (known == peers_.end() || known->first != name) {
      known = add(known, now, name);
    }
    while (dialable != desired.dialable.end() && *dialable < name) {
      ++dialable;
    }
    known->second.member = true;
    set_dialable(now, known->second, dialable != desired.dialable.end() && *dialable == name);
    ++known;
  }
  while (known != peers_.end()) {
    known = drop(known);
  }
}

Dialler::Peers::iterator Dialler::add(Peers::iterator before, TimePoint now, const NodeName& name) {
  const auto place = peers_.try_emplace(before, name);
  place->second.name = &place->first;
  place->second.since = now;
  return place;
}

Dialler::Peers::iterator Dialler::drop(Peers::iterator place) {
  Peer& peer = place->second;
  queue_.remove(peer);
  set_untried(peer, false);
  peer.linked = false;
  peer.lost = false;
  peer.inspections = 0;
  peer.member = false;
  peer.dialable = false;
  start_over(peer);
  // Its slot is taken until the answer comes, and a peer that is listed again must not be dialled twice at
  // once.
  return peer.flight != 0 ? std::next(place) : peers_.erase(place);
}

void Dialler::set_dialable(TimePoint now, Peer& peer, bool dialable) {
  if (peer.dialable != dialable) {
    peer.dialable = dialable;
    set_untried(peer, dialable && !peer.linked);
    start_over(peer);
  }
  settle(now, peer);
}

void Dialler::start_over(Peer& peer) {
  peer.failures = 0;
  peer.losses = 0;
  peer.attempts = 0;
  peer.reason = {};
}

void Dialler::set_untried(Peer& peer, bool untried) {
  if (peer.untried == untried) {
    return;
  }
  peer.untried = untried;
  if (untried) {
    ++untried_;
  } else {
    --untried_;
  }
}

void Dialler::restart(TimePoint now) {
  ready_ = false;
  std::erase_if(flights_, [](const auto& flight) { return flight.second->step == Step::dial; });
  for (auto& [name, peer] : peers_) {
    if (peer.step == Step::dial) {
      peer.flight = 0;
    }
    queue_.remove(peer);
    peer.linked = false;
    peer.lost = false;
    start_over(peer);
    set_untried(peer, peer.dialable);
    settle(now, peer);
  }
}

bool Dialler::take_links(TimePoint now, ActionId listed, const std::vector<NodeName>& links) {
  bool came_up = false;
  for (const NodeName& link : links) {
    const auto found = peers_.find(link);
    if (found == peers_.end() || !found->second.member) {
      continue;
    }
    Peer& peer = found->second;
    const bool by_itself = peer.flight == 0 || peer.step != Step::dial;
    came_up = came_up || (!peer.linked && by_itself);
    gain_link(now, peer);
    peer.listed = true;
    peer.attempts = 0;
    peer.seen_in = listed;
  }
  for (auto& [name, peer] : peers_) {
    if (peer.linked && peer.seen_in != listed && peer.judged_from <= listed) {
      lose_link(now, peer);
    }
  }
  // The first list of a target tells what was there already.
  return std::exchange(ready_, true) && came_up;
}

void Dialler::gain_link(TimePoint now, Peer& peer) {
  if (peer.linked) {
    return;
  }
  peer.linked = true;
  peer.listed = false;
  peer.lost = false;
  peer.inspections = 0;
  peer.linked_since = now;
  peer.judged_from = ids_.next();
  peer.reason = {};
  ++counters_.links_gained;
  set_untried(peer, false);
  settle(now, peer);
}

void Dialler::lose_link(TimePoint now, Peer& peer) {
  peer.linked = false;
  peer.lost = true;
  ++counters_.links_lost;
  // A link that goes as soon as it comes must not be dialled in a busy loop.
  if (!peer.listed) {
    return fail(now, peer, "the target said yes, but does not list the link");
  }
  if (now - peer.linked_since < settings_.list_interval) {
    return fail(now, peer, "the link dropped as soon as it came up");
  }
  peer.failures = 0;
  peer.reason = "the link dropped";
  if (keeps_dropping(now, peer) && peer.flight == 0 && wants_dial(peer)) {
    peer.reason = "the link drops again and again";
    queue_.add_waiting(peer, now + retry_wait(first_loss_wait + peer.losses - settings_.prompt_redials));
  }
  settle(now, peer);
}

/// Two BEAMs that cannot stay linked, or that a third makes `global` cut: made anew every second, such a link would
/// cost others theirs every second.
bool Dialler::keeps_dropping(TimePoint now, Peer& peer) const {
  if (now - peer.linked_since >= settings_.lasting) {
    peer.losses = 0;
  }
  ++peer.losses;
  return peer.losses > settings_.prompt_redials;
}

void Dialler::take_probe(TimePoint now, ActionId id, ProbeOutcome outcome, std::vector<Action>& actions) {
  Peer* peer = land(id);
  if (outcome != ProbeOutcome::found) {
    ++counters_.probes_failed;
  }
  if (peer == nullptr) {
    return;
  }
  if (outcome != ProbeOutcome::found) {
    return fail(now, *peer, words(outcome));
  }
  start_next(now, *peer, Step::probe, actions);
}

void Dialler::take_inspection(TimePoint now, ActionId id, InspectOutcome outcome,
                              std::vector<Action>& actions) {
  Peer* peer = land(id);
  if (peer == nullptr) {
    return;
  }
  const bool clear = outcome == InspectOutcome::clear || outcome == InspectOutcome::refreshed;
  if (!clear && ++peer->inspections < settings_.max_inspections) {
    return fail(now, *peer, words(outcome));
  }
  peer->lost = false;
  start_next(now, *peer, Step::inspect, actions);
}

/// What comes after a step that went well, if the peer still is to be dialled.
void Dialler::start_next(TimePoint now, Peer& peer, Step done, std::vector<Action>& actions) {
  if (!ready_ || !may_dial_ || !wants_dial(peer)) {
    return settle(now, peer);
  }
  start(now, peer, done == Step::probe && peer.lost ? Step::inspect : Step::dial, actions);
}

void Dialler::take_dial(TimePoint now, ActionId id, DialOutcome outcome) {
  Peer* peer = land(id);
  if (outcome != DialOutcome::linked) {
    ++counters_.dials_failed;
  }
  if (peer == nullptr) {
    return;
  }
  if (outcome != DialOutcome::linked) {
    return fail(now, *peer, words(outcome, settings_.probe));
  }
  gain_link(now, *peer);
}

/// Ends a flight. nullptr if it was forgotten, or its peer is a member no longer.
Dialler::Peer* Dialler::land(ActionId id) {
  const auto flight = flights_.find(id);
  if (flight == flights_.end()) {
    ++counters_.stale_answers;
    return nullptr;
  }
  Peer* peer = flight->second;
  flights_.erase(flight);
  peer->flight = 0;
  return peer->member ? peer : nullptr;
}

void Dialler::fail(TimePoint now, Peer& peer, std::string_view reason) {
  set_untried(peer, false);
  if (!peer.linked) {
    // News may have started a peer that was not there. One that is there and refuses every dial stays seldom
    // dialled.
    const bool not_there = peer.step == Step::probe || settings_.probe == ProbeMode::off;
    if (peer.hurry_epoch != hurry_epoch_ && not_there) {
      peer.failures = 0;
    }
    peer.hurry_epoch = hurry_epoch_;
    ++peer.failures;
    ++peer.attempts;
    peer.reason = reason;
    if (peer.flight == 0) {
      queue_.add_waiting(peer, now + retry_wait(peer.failures));
    }
  }
  settle(now, peer);
}

Duration Dialler::retry_wait(std::uint32_t failures) {
  Duration longest = settings_.retry_first;
  for (std::uint32_t i = 1; i < failures && longest < settings_.retry_limit; ++i) {
    longest *= 2;
  }
  longest = std::min<Duration>(longest, settings_.retry_limit);
  return random_.between(longest / 2, longest);
}

bool Dialler::wants_dial(const Peer& peer) { return peer.member && peer.dialable && !peer.linked; }

void Dialler::settle(TimePoint now, Peer& peer) {
  if (!wants_dial(peer)) {
    queue_.remove(peer);
  } else if (peer.flight == 0 && peer.place == Queued::Place::none) {
    queue_.add_fresh(peer);
  }
  update_state(now, peer);
}

void Dialler::hurry() {
  ++hurry_epoch_;
  queue_.promote_all();
}

void Dialler::start_due(TimePoint now, std::vector<Action>& actions) {
  queue_.promote(now);
  while (ready_ && may_dial_ && flights_.size() < settings_.max_dials) {
    Queued* next = queue_.pop();
    if (next == nullptr) {
      return;
    }
    auto& peer = static_cast<Peer&>(*next);
    if (settings_.probe == ProbeMode::epmd) {
      start(now, peer, Step::probe, actions);
    } else {
      start_next(now, peer, Step::probe, actions);
    }
  }
}

void Dialler::start(TimePoint now, Peer& peer, Step step, std::vector<Action>& actions) {
  const ActionId id = ids_.take();
  peer.flight = id;
  peer.step = step;
  flights_.emplace(id, &peer);
  if (step == Step::probe) {
    ++counters_.probes;
    actions.emplace_back(action::Probe{id, *peer.name});
  } else if (step == Step::inspect) {
    ++counters_.inspections;
    actions.emplace_back(action::Inspect{id, *peer.name});
  } else {
    ++counters_.dials;
    actions.emplace_back(action::Dial{id, *peer.name});
  }
  update_state(now, peer);
}

TimePoint Dialler::next_due() const {
  return ready_ ? queue_.next_due().value_or(TimePoint::max()) : TimePoint::max();
}

PeerState Dialler::in_flight(Step step) {
  switch (step) {
    case Step::probe:
      return PeerState::probing;
    case Step::inspect:
      return PeerState::inspecting;
    case Step::dial:
      break;
  }
  return PeerState::dialling;
}

PeerState Dialler::state_of(const Peer& peer) {
  if (peer.linked) {
    return PeerState::linked;
  }
  if (peer.flight != 0) {
    return in_flight(peer.step);
  }
  if (!peer.dialable) {
    return PeerState::held;
  }
  return peer.place == Queued::Place::waiting ? PeerState::waiting : PeerState::queued;
}

void Dialler::update_state(TimePoint now, Peer& peer) {
  const PeerState state = state_of(peer);
  if (state == peer.state) {
    return;
  }
  peer.state = state;
  peer.since = now;
}

std::string_view Dialler::reason_of(const Peer& peer) const {
  if (state_of(peer) != PeerState::queued || !peer.reason.empty()) {
    return peer.reason;
  }
  if (!may_dial_) {
    return "our own container is missing from the metadata";
  }
  return ready_ ? std::string_view() : "the target has not listed its connections yet";
}

std::vector<PeerView> Dialler::peers(PeerScope scope) const {
  std::vector<PeerView> result;
  if (scope == PeerScope::all) {
    result.reserve(peers_.size());
  }
  for (const auto& [name, peer] : peers_) {
    if (peer.member && (scope == PeerScope::all || !peer.linked)) {
      result.push_back(view_of(peer));
    }
  }
  return result;
}

std::size_t Dialler::connected_peers() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      peers_, [](const auto& entry) { return entry.second.member && entry.second.linked; }));
}

std::optional<PeerView> Dialler::peer(const NodeName& name) const {
  const auto found = peers_.find(name);
  if (found == peers_.end() || !found->second.member) {
    return std::nullopt;
  }
  return view_of(found->second);
}

PeerView Dialler::view_of(const Peer& peer) const {
  // Not the stored state: a retry that fell due a moment ago is queued already.
  PeerView view{*peer.name, state_of(peer), reason_of(peer), peer.since, peer.attempts, std::nullopt};
  if (view.state == PeerState::waiting) {
    view.next_try = peer.due;
  }
  return view;
}

}  // namespace rancher_cnode::membership
