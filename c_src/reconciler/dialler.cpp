#include "reconciler/dialler.hpp"

#include <algorithm>
#include <utility>

#include "rancher_cnode/core/backoff.hpp"

namespace rancher_cnode::reconciler {
namespace {

/// The first wait after a loss is that after so many failures: 400 ms.
constexpr std::uint32_t first_loss_wait = 2;

}  // namespace

Dialler::Dialler(const ReconcilerSettings& settings, ActionIds& ids, Random& random,
                 ReconcilerCounters& counters, std::vector<ConnectionFact>& facts)
    : settings_(settings), ids_(ids), random_(random), counters_(counters), facts_(facts) {}

void Dialler::take_desired(TimePoint now, const membership::Desired& desired) {
  may_dial_ = (desired.own == membership::OwnMembership::unknown ||
               desired.own == membership::OwnMembership::listed) &&
              !desired.departed.contains(settings_.target) && !desired.suspended.contains(settings_.target);
  any_dialable_ = !desired.dialable.empty();
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

Peers::iterator Dialler::add(Peers::iterator before, TimePoint now, const NodeName& name) {
  const auto place = peers_.try_emplace(before, name);
  place->second.name = &place->first;
  place->second.since = now;
  return place;
}

Peers::iterator Dialler::drop(Peers::iterator place) {
  Peer& peer = place->second;
  queue_.remove(peer);
  newcomers_.remove(peer);
  set_untried(peer, false);
  forget_connection(peer);
  peer.inspections = 0;
  peer.member = false;
  peer.dialable = false;
  peer.start_over();
  // Its slot is taken until the answer comes, and a peer that is listed again must not be dialled twice at
  // once.
  return peer.flight != 0 ? std::next(place) : peers_.erase(place);
}

void Dialler::set_dialable(TimePoint now, Peer& peer, bool dialable) {
  if (peer.dialable != dialable) {
    peer.dialable = dialable;
    set_untried(peer, dialable && !peer.connected);
    peer.start_over();
  }
  settle(now, peer);
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

void Dialler::forget_connection(Peer& peer) {
  if (std::exchange(peer.connected, false)) {
    facts_.emplace_back(fact::Forgotten{*peer.name});
  }
  peer.lost = false;
}

void Dialler::restart(TimePoint now) {
  ready_ = complete_ = false;
  std::erase_if(flights_, [](const auto& flight) { return flight.second->stage == Stage::dial; });
  for (auto& [name, peer] : peers_) {
    if (peer.stage == Stage::dial) {
      peer.flight = 0;
    }
    queue_.remove(peer);
    newcomers_.remove(peer);
    forget_connection(peer);
    peer.start_over();
    set_untried(peer, peer.dialable);
    settle(now, peer);
  }
}

bool Dialler::take_connections(TimePoint now, ActionId listed, const std::vector<NodeName>& connections) {
  bool came_up = false;
  for (const NodeName& connection : connections) {
    const auto found = peers_.find(connection);
    if (found == peers_.end() || !found->second.member) {
      continue;
    }
    Peer& peer = found->second;
    const bool by_itself = peer.flight == 0 || peer.stage != Stage::dial;
    came_up = came_up || (!peer.connected && by_itself);
    gain_connection(now, peer);
    peer.listed = true;
    peer.attempts = 0;
    peer.seen_in = listed;
  }
  for (auto& [name, peer] : peers_) {
    if (peer.connected && peer.seen_in != listed && peer.judged_from <= listed) {
      lose_connection(now, peer);
    }
  }
  state_completed();
  // The first list of a target shows what was there already.
  return std::exchange(ready_, true) && came_up;
}

void Dialler::state_completed() {
  const bool complete = any_dialable_ && std::ranges::all_of(peers_, [](const auto& entry) {
                          return entry.second.connected || !entry.second.dialable;
                        });
  if (!std::exchange(complete_, complete) && complete) {
    facts_.emplace_back(fact::Completed{connected_peers()});
  }
}

void Dialler::state_reason(Peer& peer, std::string_view reason) {
  peer.reason = reason;
  if (peer.dialable && std::exchange(peer.stated, reason) != reason) {
    facts_.emplace_back(fact::AttemptFailed{*peer.name, reason});
  }
}

void Dialler::gain_connection(TimePoint now, Peer& peer, std::optional<Duration> took) {
  if (peer.connected) {
    return;
  }
  peer.connected = true;
  peer.listed = false;
  peer.lost = false;
  peer.inspections = 0;
  peer.refusals = 0;
  peer.held_since.reset();
  peer.connected_since = now;
  peer.judged_from = ids_.next();
  peer.reason = peer.stated = {};
  ++counters_.connections_gained;
  facts_.emplace_back(fact::Connected{*peer.name, took});
  set_untried(peer, false);
  settle(now, peer);
}

void Dialler::lose_connection(TimePoint now, Peer& peer) {
  peer.connected = false;
  peer.lost = true;
  peer.inspections = 0;
  peer.connections.reset();
  ++counters_.connections_lost;
  // A connection that goes as soon as it comes must not be dialled in a busy loop.
  if (!peer.listed) {
    state_loss(peer, "the dial succeeded, but the target does not list the connection");
    return retry_later(now, peer);
  }
  if (now - peer.connected_since < settings_.list_interval) {
    state_loss(peer, "the connection dropped as soon as it came up");
    return retry_later(now, peer);
  }
  peer.failures = 0;
  peer.losses = now - peer.connected_since >= settings_.lasting ? 1 : peer.losses + 1;
  // For two BEAMs that cannot stay connected, or that `global` cuts because of a third one: a connection that is made
  // again every second could cost others theirs every second.
  const bool keeps_dropping = peer.losses > settings_.prompt_redials;
  state_loss(peer, keeps_dropping ? "the connection drops again and again" : "the connection dropped");
  if (keeps_dropping && peer.flight == 0 && peer.wants_dial()) {
    queue_.add_waiting(peer, now + retry_wait(first_loss_wait + peer.losses - settings_.prompt_redials));
  }
  settle(now, peer);
}

void Dialler::state_loss(Peer& peer, std::string_view reason) {
  peer.reason = reason;
  facts_.emplace_back(fact::Lost{*peer.name, peer.dialable, reason});
}

void Dialler::fail(TimePoint now, Peer& peer, std::string_view reason) {
  if (!peer.connected) {
    state_reason(peer, reason);
  }
  retry_later(now, peer);
}

/// Counts a failure.
void Dialler::retry_later(TimePoint now, Peer& peer) {
  set_untried(peer, false);
  if (!peer.connected) {
    // ExternalChange may have started a peer that was not there. One that is there and refuses every dial stays seldom
    // dialled.
    const bool not_there = peer.stage == Stage::probe || settings_.probe == ProbeMode::off;
    if (peer.retry_epoch != retry_epoch_ && not_there) {
      peer.failures = 0;
    }
    peer.retry_epoch = retry_epoch_;
    ++peer.failures;
    ++peer.attempts;
    if (peer.flight == 0) {
      queue_.add_waiting(peer, now + retry_wait(peer.failures));
    }
  }
  settle(now, peer);
}

Duration Dialler::longest_wait(std::uint32_t failures, Milliseconds limit) const {
  return Backoff(settings_.retry_first, limit).after(failures);
}

Duration Dialler::retry_wait(std::uint32_t failures) {
  return jittered(longest_wait(failures, settings_.retry_limit), random_);
}

void Dialler::settle(TimePoint now, Peer& peer) {
  if (!peer.wants_dial()) {
    queue_.remove(peer);
    newcomers_.remove(peer);
  } else if (peer.flight == 0 && !peer.ready && peer.place == Queued::Place::none) {
    queue_.add_fresh(peer);
  }
  update_state(now, peer);
}

void Dialler::retry_now() {
  ++retry_epoch_;
  queue_.promote_all();
}

TimePoint Dialler::next_due() const {
  return ready_ ? std::min(newcomers_due_, queue_.next_due().value_or(TimePoint::max())) : TimePoint::max();
}

void Dialler::update_state(TimePoint now, Peer& peer) {
  const PeerState state = peer.current_state();
  if (state == peer.state) {
    return;
  }
  peer.state = state;
  peer.since = now;
}

std::string_view Dialler::reason_of(const Peer& peer) const {
  if (peer.current_state() != PeerState::queued || !peer.reason.empty()) {
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
    if (peer.member && (scope == PeerScope::all || !peer.connected)) {
      result.push_back(view_of(peer));
    }
  }
  return result;
}

std::size_t Dialler::connected_peers() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      peers_, [](const auto& entry) { return entry.second.member && entry.second.connected; }));
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
  PeerView view{*peer.name, peer.current_state(), reason_of(peer), peer.since, peer.attempts, std::nullopt};
  if (view.state == PeerState::waiting) {
    view.next_try = peer.due;
  }
  return view;
}

}  // namespace rancher_cnode::reconciler
