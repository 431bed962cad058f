#include "reconciler/newcomers.hpp"

#include <algorithm>

namespace rancher_cnode::reconciler {

void Newcomers::add(Peer& peer) {
  peer.place = Queued::Place::ready;
  peers_.push_back(&peer);
}

void Newcomers::remove(Peer& peer) {
  if (peer.place == Queued::Place::ready) {
    peer.place = Queued::Place::none;
    std::erase(peers_, &peer);
  }
}

std::vector<Peer*> Newcomers::in_doubt(TimePoint now, Peers& members) const {
  std::vector<Peer*> result;
  if (settings_.probe == ProbeMode::off || settings_.newcomer_patience == Milliseconds::zero()) {
    return result;
  }
  for (auto& [name, peer] : members) {
    const bool found_lately = peer.lookup == Lookup::found && now - peer.probed_at <= lookup_lasts;
    if ((peer.is_connected() || peer.is_dialable()) && !found_lately) {
      result.push_back(&peer);
    }
  }
  return result;
}

bool Newcomers::lookup_is_due(TimePoint now, const Peer& member) {
  return member.flight == 0 && (member.lookup != Lookup::missed || now - member.probed_at >= lookup_interval);
}

Newcomers::Judgement Newcomers::judge(TimePoint now, const Peer& peer,
                                      const std::vector<Peer*>& in_doubt) const {
  const bool others_in_doubt =
      std::ranges::any_of(in_doubt, [&peer](const Peer* member) { return member != &peer; });
  const bool can_be_inspected = peer.inspections < settings_.max_inspections && !peer.connections;
  if (can_be_inspected && (peer.connection == Connection::lost || others_in_doubt)) {
    return {.verdict = Verdict::inspect};
  }
  if (!peer.connections) {
    return {};
  }
  Judgement result;
  for (Peer* member : in_doubt) {
    if (member != &peer &&
        member->is_connected() != std::ranges::binary_search(*peer.connections, *member->name)) {
      result.needed.push_back(member);
    }
  }
  if (result.needed.empty()) {
    return result;
  }
  const TimePoint patience_ends = peer.held_since.value_or(now) + settings_.newcomer_patience;
  if (now >= patience_ends) {
    return {};
  }
  result.verdict = Verdict::wait;
  result.look_again = std::min(patience_ends, now + lookup_interval);
  return result;
}

}  // namespace rancher_cnode::reconciler
