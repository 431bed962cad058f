// Peers whose epmd has answered, and whether each may be dialled now for the sake of third nodes. Used by
// dialler. Pure.
//
// Once a dial has connected two nodes, each one's `global` connects to the other one's nodes by asking their
// epmd. If the epmd of a member does not answer, OTP 25's `global` cuts that member off from everybody
// (prevention of overlapping partitions). So a peer waits, for newcomer_patience at most, while a member that
// only one of the two nodes is connected to cannot be looked up. A member is in doubt if no probe has found
// it within `lookup_lasts`. The peer is inspected for its connections only if a member is in doubt. Source:
// docs/decisions/0020.
#pragma once

#include <vector>

#include "reconciler/peer.hpp"

namespace rancher_cnode::reconciler {

/// Validity of a probe that found its node.
inline constexpr Milliseconds lookup_lasts{500};
/// Interval between probes of a member that could not be looked up, while a newcomer waits for it.
inline constexpr Milliseconds lookup_interval{1'000};

class Newcomers {
 public:
  /// `settings` must outlive this object.
  explicit Newcomers(const ReconcilerSettings& settings) : settings_(settings) {}

  /// Precondition: the peer is in no place.
  void add(Peer& peer);
  /// Does nothing if the peer is not among them.
  void remove(Peer& peer);
  /// In the order of their arrival.
  [[nodiscard]] const std::vector<Peer*>& peers() const { return peers_; }

  /// Members in doubt. Empty if newcomers are not held, or without probes. O(members).
  [[nodiscard]] std::vector<Peer*> in_doubt(TimePoint now, Peers& members) const;

  /// Whether a member in doubt may be probed (again) now.
  [[nodiscard]] static bool lookup_is_due(TimePoint now, const Peer& member);

  enum class Verdict { inspect, dial, wait };
  struct Judgement {
    Verdict verdict = Verdict::dial;
    std::vector<Peer*> needed = {};  ///< if it has to wait: the members to look up
    TimePoint look_again = {};       ///< if it has to wait: at the latest
  };
  /// `in_doubt` as returned for the same time. The patience begins now if the peer is not held yet.
  [[nodiscard]] Judgement judge(TimePoint now, const Peer& peer, const std::vector<Peer*>& in_doubt) const;

 private:
  const ReconcilerSettings& settings_;
  std::vector<Peer*> peers_;
};

}  // namespace rancher_cnode::reconciler
