// The order in which peers have their turn.
#include "reconciler/dial_queue.hpp"

#include <doctest/doctest.h>

#include <array>

#include "support/unit/samples.hpp"

namespace rancher_cnode::reconciler {
namespace {

using membership::samples::at_seconds;

TEST_CASE("fresh peers have their turn in the order of their arrival") {
  std::array<Queued, 3> peers;
  DialQueue queue;
  for (const std::size_t arrival : {2U, 0U, 1U}) {
    queue.add_fresh(peers.at(arrival));
  }
  for (const std::size_t turn : {2U, 0U, 1U}) {
    CHECK(queue.pop() == &peers.at(turn));
  }
  CHECK(queue.pop() == nullptr);
}

TEST_CASE("retries have their turn in the order in which they fell due, not in that of their failures") {
  std::array<Queued, 3> peers;
  DialQueue queue;
  queue.add_waiting(peers[0], at_seconds(3));
  queue.add_waiting(peers[1], at_seconds(1));
  queue.add_waiting(peers[2], at_seconds(2));
  CHECK(queue.next_due() == at_seconds(1));
  queue.promote(at_seconds(2));
  CHECK(queue.next_due() == at_seconds(3));
  queue.promote_all();
  CHECK_FALSE(queue.next_due());
  for (const std::size_t turn : {1U, 2U, 0U}) {
    CHECK(queue.pop() == &peers.at(turn));
  }
}

TEST_CASE("peers that are due at the same time all have their turn, the first that failed first") {
  std::array<Queued, 3> peers;
  DialQueue queue;
  for (const std::size_t arrival : {2U, 0U, 1U}) {
    queue.add_waiting(peers.at(arrival), at_seconds(1));
  }
  queue.promote(at_seconds(1));
  for (const std::size_t turn : {2U, 0U, 1U}) {
    CHECK(queue.pop() == &peers.at(turn));
  }
}

TEST_CASE("every fourth turn is a retry's while fresh peers wait") {
  std::array<Queued, 8> fresh;
  std::array<Queued, 3> retries;
  DialQueue queue;
  for (Queued& peer : fresh) {
    queue.add_fresh(peer);
  }
  for (Queued& peer : retries) {
    queue.add_waiting(peer, at_seconds(1));
  }
  queue.promote(at_seconds(1));
  std::string turns;
  while (const Queued* peer = queue.pop()) {
    turns += peer >= fresh.begin() && peer < fresh.end() ? 'f' : 'r';
  }
  CHECK(turns == "fffrfffrffr");
}

TEST_CASE("a peer that was removed has no turn, wherever it was") {
  for (const Queued::Place place : {Queued::Place::fresh, Queued::Place::waiting, Queued::Place::retry}) {
    CAPTURE(static_cast<int>(place));
    Queued peer;
    DialQueue queue;
    if (place == Queued::Place::fresh) {
      queue.add_fresh(peer);
    }
    if (place != Queued::Place::fresh) {
      queue.add_waiting(peer, at_seconds(1));
    }
    if (place == Queued::Place::retry) {
      queue.promote_all();
    }
    CHECK(peer.place == place);
    queue.remove(peer);
    CHECK(peer.place == Queued::Place::none);
    CHECK_FALSE(queue.next_due());
    CHECK(queue.pop() == nullptr);
  }
}

TEST_CASE("a peer that had its turn is in no place") {
  Queued peer;
  DialQueue queue;
  queue.add_fresh(peer);
  CHECK(queue.pop() == &peer);
  CHECK(peer.place == Queued::Place::none);
}

}  // namespace
}  // namespace rancher_cnode::reconciler
