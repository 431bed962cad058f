#include "reconciler/dial_queue.hpp"

namespace rancher_cnode::reconciler {
namespace {
constexpr unsigned fresh_turns = 3;
}

void DialQueue::add_fresh(Queued& peer) {
  peer.place = Queued::Place::fresh;
  peer.ticket = next_ticket_++;
  fresh_.emplace(peer.ticket, &peer);
}

void DialQueue::add_retry(Queued& peer) {
  remove(peer);
  peer.place = Queued::Place::retry;
  peer.ticket = next_ticket_++;
  retry_.emplace(peer.ticket, &peer);
}

void DialQueue::add_waiting(Queued& peer, TimePoint due) {
  peer.place = Queued::Place::waiting;
  peer.due = due;
  peer.ticket = next_ticket_++;
  waiting_.emplace(std::pair(due, peer.ticket), &peer);
}

void DialQueue::remove(Queued& peer) {
  switch (peer.place) {
    case Queued::Place::none:
    case Queued::Place::ready:
      return;
    case Queued::Place::fresh:
      fresh_.erase(peer.ticket);
      break;
    case Queued::Place::retry:
      retry_.erase(peer.ticket);
      break;
    case Queued::Place::waiting:
      waiting_.erase(std::pair(peer.due, peer.ticket));
      break;
  }
  peer.place = Queued::Place::none;
}

void DialQueue::promote(TimePoint now) {
  while (!waiting_.empty() && waiting_.begin()->first.first <= now) {
    add_retry(*waiting_.begin()->second);
  }
}

Queued* DialQueue::pop() {
  const bool retry_turn = fresh_.empty() || (fresh_in_a_row_ >= fresh_turns && !retry_.empty());
  if (retry_turn) {
    fresh_in_a_row_ = 0;
    return pop_front(retry_);
  }
  ++fresh_in_a_row_;
  return pop_front(fresh_);
}

Queued* DialQueue::pop_front(Line& line) {
  if (line.empty()) {
    return nullptr;
  }
  Queued* peer = line.begin()->second;
  line.erase(line.begin());
  peer->place = Queued::Place::none;
  return peer;
}

std::optional<TimePoint> DialQueue::next_due() const {
  if (waiting_.empty()) {
    return std::nullopt;
  }
  return waiting_.begin()->first.first;
}

}  // namespace rancher_cnode::reconciler
