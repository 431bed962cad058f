#include "pace_oracle.hpp"

#include <algorithm>
#include <utility>

namespace rancher_cnode::simulation {

namespace {
constexpr std::uint32_t first_loss_wait =
    2;  // the wait after the first loss too many: that of so many failures
}  // namespace

PaceOracle::PaceOracle(int self, const ReconcilerSettings& settings, const std::vector<NodeName>& names)
    : self_(self), settings_(settings), names_(names), peers_(names.size()) {}

void PaceOracle::broken(const std::string& rule, int number) {
  if (broken_.empty()) {
    broken_ = number == 0 ? rule : rule + ": " + std::to_string(number);
  }
}

void PaceOracle::start_over(Peer& peer) { peer.attempts = peer.failures = peer.losses = peer.refusals = 0; }

/// Due at once, behind those that are.
void PaceOracle::queue(TimePoint now, Peer& peer) {
  if (!peer.is_queued()) {
    return;
  }
  peer.fresh = true;
  peer.due = now;
  peer.queued_in = step_;
}

Duration PaceOracle::longest_wait(std::uint32_t failures, Duration limit) const {
  Duration longest = settings_.retry_first;
  while (--failures > 0 && longest < limit) {
    longest *= 2;
  }
  return std::min(longest, limit);
}

void PaceOracle::wait(Peer& peer, std::uint32_t failures) {
  peer.fresh = false;
  peer.longest_wait = longest_wait(failures, settings_.retry_limit);
}

void PaceOracle::want(TimePoint now, const Wanted& wanted) {
  wanted_known_ = true;
  may_dial_ = wanted.may_dial;
  for (int number = 1; number < static_cast<int>(peers_.size()); ++number) {
    Peer& peer = this->peer(number);
    const auto entry = wanted.peers.find(number);
    const bool member = entry != wanted.peers.end() && number != self_;
    const bool dialable = member && entry->second;
    if (!member) {
      peer.member = peer.dialable = peer.connected = peer.lost = false;
      peer.inspections = 0;
      continue;
    }
    if (!peer.member && peer.flight == 0) {
      peer = Peer{};
      peer.since = now;
    }
    peer.member = true;
    if (peer.dialable == dialable) {
      continue;
    }
    peer.dialable = dialable;
    peer.tried = peer.connected;
    start_over(peer);
    queue(now, peer);
  }
  all_touched_ = true;
}

void PaceOracle::restart(TimePoint now, bool up) {
  up_ = up;
  ready_ = change_waits_ = false;
  list_ = 0;
  list_wanted_ = up_;
  std::erase_if(flights_, [](const auto& flight) { return flight.second.kind == Kind::dial; });
  for (Peer& peer : peers_) {
    if (peer.kind == Kind::dial) {
      peer.flight = 0;
    }
    if (!peer.member) {
      continue;
    }
    peer.connected = peer.tried = peer.lost = false;
    start_over(peer);
    queue(now, peer);
  }
  all_touched_ = true;
}

void PaceOracle::listed(TimePoint now, ActionId id, const std::set<int>& connected) {
  if (id != list_) {
    return;
  }
  list_ = 0;
  next_list_ = now + settings_.list_interval;
  bool by_itself = false;
  for (const int number : connected) {
    Peer& peer = this->peer(number);
    if (!peer.member) {
      continue;
    }
    by_itself |= !peer.connected && (peer.flight == 0 || peer.kind != Kind::dial);
    if (!peer.connected || peer.attempts > 0) {
      touched_.insert(number);
    }
    connect(now, peer);
    peer.shown = true;
    peer.attempts = 0;
  }
  for (int number = 1; number < static_cast<int>(peers_.size()); ++number) {
    Peer& peer = this->peer(number);
    if (!peer.connected || connected.contains(number) || list_asked_in_ < peer.connected_in) {
      continue;
    }
    touched_.insert(number);
    lose(now, peer);
  }
  // The first list shows what was connected before.
  if (std::exchange(ready_, true) && by_itself) {
    change_waits_ = true;
  }
}

void PaceOracle::take(TimePoint now, const event::ListFailed& event) {
  if (event.id != list_) {
    return;
  }
  list_ = 0;
  next_list_ = now + settings_.list_interval;
  list_wanted_ = false;
  list_refused_ = true;
}

void PaceOracle::connect(TimePoint now, Peer& peer) {
  if (peer.connected) {
    return;
  }
  peer.connected = peer.tried = true;
  peer.shown = peer.lost = false;
  peer.inspections = 0;
  peer.refusals = 0;
  peer.connected_since = now;
  peer.connected_in = step_;
}

void PaceOracle::lose(TimePoint now, Peer& peer) {
  peer.connected = false;
  peer.lost = true;
  peer.inspections = 0;
  const Duration lasted = now - peer.connected_since;
  if (!peer.shown || lasted < settings_.list_interval) {
    return fail(peer);
  }
  peer.failures = 0;
  peer.losses = lasted >= settings_.lasting ? 1 : peer.losses + 1;
  queue(now, peer);
  if (peer.losses > settings_.prompt_redials && peer.is_queued()) {
    wait(peer, first_loss_wait + peer.losses - settings_.prompt_redials);
  }
}

void PaceOracle::fail(Peer& peer) {
  peer.tried = true;
  if (peer.connected) {
    return;
  }
  // An external change may have started a peer that was absent; one that is there and refuses is not hurried.
  const bool absent = peer.kind == Kind::probe || settings_.probe == ProbeMode::off;
  if (peer.change != changes_ && absent) {
    peer.failures = 0;
  }
  peer.change = changes_;
  ++peer.failures;
  ++peer.attempts;
  if (peer.is_queued()) {
    wait(peer, peer.failures);
  }
}

/// nullptr if the answer is to nothing, or about no member.
PaceOracle::Peer* PaceOracle::answered(ActionId id, Kind kind) {
  const auto flight = flights_.find(id);
  if (flight == flights_.end() || flight->second.kind != kind) {
    return nullptr;
  }
  const int number = flight->second.number;
  flights_.erase(flight);
  touched_.insert(number);
  peer(number).flight = 0;
  return peer(number).member ? &peer(number) : nullptr;
}

void PaceOracle::take(TimePoint now, const event::Probed& event) {
  Peer* peer = answered(event.id, Kind::probe);
  if (peer == nullptr) {
    return;
  }
  // Another port, or none, is another process.
  if (event.outcome != ProbeOutcome::found || event.port != peer->port) {
    peer->refusals = 0;
  }
  peer->port = event.port;
  if (event.outcome != ProbeOutcome::found) {
    return fail(*peer);
  }
  queue(now, *peer);
  if (peer->is_queued() && refuses(now, *peer)) {
    wait(*peer, peer->failures);
  } else if (may_start() && peer->wants_dial()) {
    found_ = static_cast<int>(peer - peers_.data());
  }
}

/// It has refused dials for so long that it must not be dialled yet.
bool PaceOracle::refuses(TimePoint now, const Peer& peer) const {
  const Duration longest =
      peer.refusals == 0 ? Duration{} : longest_wait(peer.refusals, settings_.refusal_limit);
  return longest > settings_.retry_limit && now < peer.refused_at + longest;
}

/// A peer that may still hold the old connection is dialled after so many inspections at the latest.
void PaceOracle::take(TimePoint now, const event::Inspected& event) {
  Peer* peer = answered(event.id, Kind::inspect);
  if (peer == nullptr) {
    return;
  }
  const bool clear = event.outcome == InspectOutcome::clear || event.outcome == InspectOutcome::refreshed;
  if (!clear && ++peer->inspections < settings_.max_inspections) {
    return fail(*peer);
  }
  peer->lost = false;
  queue(now, *peer);
  if (may_start() && peer->wants_dial()) {
    found_ = static_cast<int>(peer - peers_.data());
  }
}

void PaceOracle::take(TimePoint now, const event::Dialled& event) {
  Peer* peer = answered(event.id, Kind::dial);
  // The target may have connected although it did not answer; what was refused changed nothing.
  list_wanted_ |= event.outcome == DialOutcome::connected || event.outcome == DialOutcome::no_reply;
  if (peer == nullptr) {
    return;
  }
  if (event.outcome == DialOutcome::refused) {
    ++peer->refusals;
    peer->refused_at = now;
  }
  if (event.outcome != DialOutcome::connected) {
    return fail(*peer);
  }
  connect(now, *peer);
}

void PaceOracle::add(DepartureOracle::Needs needs) {
  needs_ = std::move(needs);
  list_wanted_ |= needs_.list;
  may_list_ |= needs_.may_list;
}

}  // namespace rancher_cnode::simulation
