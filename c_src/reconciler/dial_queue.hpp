// The order of attempts: new peers, peers whose retry is due, and peers that wait for theirs. Used by
// dialler. Every operation costs the logarithm of the number of peers, or is in proportion to what falls due.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::reconciler {

/// The place of a peer that is to be dialled: in the queue, or ready for the next stage of its attempt
/// (Newcomers). It must be removed from its place before it is destroyed.
struct Queued {
  enum class Place { none, fresh, retry, waiting, ready };
  Place place = Place::none;
  TimePoint due;             ///< only while waiting
  std::uint64_t ticket = 0;  ///< order of arrival in its place
};

class DialQueue {
 public:
  /// Precondition of both: the peer is in no place.
  void add_fresh(Queued& peer);
  void add_waiting(Queued& peer, TimePoint due);
  /// Does nothing if the peer is in no place of the queue.
  void remove(Queued& peer);

  /// Moves peers whose time has come behind the retries that are due already, in the order of their times.
  void promote(TimePoint now);

  /// As promote() at the end of time.
  void promote_all() { promote(TimePoint::max()); }

  /// Takes out the peer whose turn it is: fresh ones first, but every fourth turn is a retry's. nullptr if
  /// none is due.
  Queued* pop();

  [[nodiscard]] std::optional<TimePoint> next_due() const;

 private:
  using Line = std::map<std::uint64_t, Queued*>;
  void add_retry(Queued& peer);
  static Queued* pop_front(Line& line);

  Line fresh_;
  Line retry_;
  // Tickets, not pointers, break ties of time: the order must not depend on where the allocator puts a peer.
  std::map<std::pair<TimePoint, std::uint64_t>, Queued*> waiting_;
  std::uint64_t next_ticket_ = 0;
  unsigned fresh_in_a_row_ = 0;
};

}  // namespace rancher_cnode::reconciler
