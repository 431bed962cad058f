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
    if (dialable != desired.dialable.end() && *dialable == name) {
      admit(now, known->second);
    } else {
      hold(now, known->second);
    }
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
  set_standing(peer, Standing::former);
  forget_connection(peer);
  peer.inspections = 0;
  peer.start_over();
  // Its slot is taken until the answer comes, and a peer that is listed again must not be dialled twice at
  // once.
  return peer.flight != 0 ? std::next(place) : peers_.erase(place);
}

/// A member that may be dialled.
void Dialler::admit(TimePoint now, Peer& peer) {
  if (!peer.is_dialable()) {
    set_standing(peer, peer.is_connected() ? Standing::tried : Standing::untried);
    peer.start_over();
  }
  settle(now, peer);
}

/// A member that must not be dialled.
void Dialler::hold(TimePoint now, Peer& peer) {
  if (peer.standing != Standing::held) {
    set_standing(peer, Standing::held);
    peer.start_over();
  }
  settle(now, peer);
}

/// Counts those that are untried.
void Dialler::set_standing(Peer& peer, Standing standing) {
  if (peer.standing == Standing::untried) {
    --untried_;
  }
  if (standing == Standing::untried) {
    ++untried_;
  }
  peer.standing = standing;
}

void Dialler::set_tried(Peer& peer) {
  if (peer.standing == Standing::untried) {
    set_standing(peer, Standing::tried);
  }
}

void Dialler::forget_connection(Peer& peer) {
  if (peer.is_connected()) {
    facts_.emplace_back(fact::Forgotten{*peer.name});
  }
  peer.connection = Connection::none;
}

/// It was inspected: it is dialled like any other.
void Dialler::forget_loss(Peer& peer) {
  if (peer.connection == Connection::lost) {
    peer.connection = Connection::none;
  }
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
    if (peer.is_dialable()) {
      set_standing(peer, Standing::untried);
    }
    settle(now, peer);
  }
}

bool Dialler::take_connections(TimePoint now, ActionId listed, const std::vector<NodeName>& connections) {
  bool came_up = false;
  for (const NodeName& connection : connections) {
    const auto found = peers_.find(connection);
    if (found == peers_.end() || !found->second.is_member()) {
      continue;
    }
    Peer& peer = found->second;
    const bool by_itself = peer.flight == 0 || peer.stage != Stage::dial;
    came_up = came_up || (!peer.is_connected() && by_itself);
    gain_connection(now, peer);
    peer.connection = Connection::listed;
    peer.attempts = 0;
    peer.seen_in = listed;
  }
  for (auto& [name, peer] : peers_) {
    if (peer.is_connected() && peer.seen_in != listed && peer.judged_from <= listed) {
      lose_connection(now, peer);
    }
  }
  state_completed();
  // The first list of a target shows what was there already.
  return std::exchange(ready_, true) && came_up;
}

void Dialler::state_completed() {
  const bool complete = any_dialable_ && std::ranges::all_of(peers_, [](const auto& entry) {
                          return !entry.second.wants_dial();
                        });
  if (!std::exchange(complete_, complete) && complete) {
    const auto held = std::ranges::count_if(
        peers_, [](const auto& entry) { return entry.second.is_member() && !entry.second.is_connected(); });
    facts_.emplace_back(fact::Completed{connected_peers(), static_cast<std::size_t>(held)});
  }
}

void Dialler::state_reason(Peer& peer, std::string_view reason) {
  peer.reason = reason;
  if (peer.is_dialable() && std::exchange(peer.stated, reason) != reason) {
    facts_.emplace_back(fact::AttemptFailed{*peer.name, reason, is_absence(reason, settings_.probe)});
  }
}

void Dialler::gain_connection(TimePoint now, Peer& peer, std::optional<Duration> took) {
  if (peer.is_connected()) {
    return;
  }
  peer.connection = Connection::unlisted;
  peer.inspections = 0;
  peer.refusals = 0;
  peer.held_since.reset();
  peer.connected_since = now;
  peer.judged_from = ids_.next();
  peer.reason = peer.stated = {};
  ++counters_.connections_gained;
  facts_.emplace_back(fact::Connected{*peer.name, took});
  set_tried(peer);
  settle(now, peer);
}

void Dialler::lose_connection(TimePoint now, Peer& peer) {
  const bool was_listed = peer.connection == Connection::listed;
  peer.connection = Connection::lost;
  peer.inspections = 0;
  peer.connections.reset();
  ++counters_.connections_lost;
  // A connection that goes as soon as it comes must not be dialled in a busy loop.
  if (!was_listed) {
    state_loss(now, peer, "the dial succeeded, but the target does not list the connection");
    return retry_later(now, peer);
  }
  if (now - peer.connected_since < settings_.list_interval) {
    state_loss(now, peer, "the connection dropped as soon as it came up");
    return retry_later(now, peer);
  }
  peer.failures = 0;
  peer.losses = now - peer.connected_since >= settings_.lasting ? 1 : peer.losses + 1;
  // For two BEAMs that cannot stay connected, or that `global` cuts because of a third one: a connection that
  // is made again every second could cost others theirs every second.
  const bool keeps_dropping = peer.losses > settings_.prompt_redials;
  state_loss(now, peer, keeps_dropping ? "the connection drops again and again" : "the connection dropped");
  if (keeps_dropping && peer.flight == 0 && peer.wants_dial()) {
    queue_.add_waiting(peer, now + retry_wait(first_loss_wait + peer.losses - settings_.prompt_redials));
  }
  settle(now, peer);
}

void Dialler::state_loss(TimePoint now, Peer& peer, std::string_view reason) {
  peer.reason = peer.last_error = reason;
  peer.last_failed = now;
  facts_.emplace_back(fact::Lost{*peer.name, peer.is_dialable(), reason});
}

void Dialler::fail(TimePoint now, Peer& peer, std::string_view reason) {
  if (!peer.is_connected()) {
    state_reason(peer, reason);
    peer.last_error = reason;
    peer.last_failed = now;
  }
  retry_later(now, peer);
}

/// Counts a failure.
void Dialler::retry_later(TimePoint now, Peer& peer) {
  set_tried(peer);
  if (!peer.is_connected()) {
    // ExternalChange may have started a peer that was not there. One that is there and refuses every dial
    // stays seldom dialled.
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
  } else if (peer.flight == 0 && peer.place == Queued::Place::none) {
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
    if (peer.is_member() && (scope == PeerScope::all || !peer.is_connected())) {
      result.push_back(view_of(peer));
    }
  }
  return result;
}

std::size_t Dialler::connected_peers() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(peers_, [](const auto& entry) { return entry.second.is_connected(); }));
}

std::optional<PeerView> Dialler::peer(const NodeName& name) const {
  const auto found = peers_.find(name);
  if (found == peers_.end() || !found->second.is_member()) {
    return std::nullopt;
  }
  return view_of(found->second);
}

PeerView Dialler::view_of(const Peer& peer) const {
  // Not the stored state: a retry that fell due a moment ago is queued already.
  PeerView view{*peer.name, peer.current_state(), reason_of(peer), peer.since, peer.attempts, {}, {}, {}};
  if (view.state == PeerState::waiting) {
    view.next_try = peer.due;
  }
  if (!peer.last_error.empty()) {
    view.last_error = peer.last_error;
    view.last_failed = peer.last_failed;
  }
  return view;
}

}  // namespace rancher_cnode::reconciler
