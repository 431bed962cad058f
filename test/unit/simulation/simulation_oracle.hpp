// Says of one C-node, from the answers that metadata served it and nothing else, what it must want and what
// it may do. Written apart from the code under test: it knows containers by their numbers and the rules of
// membership.hpp, the one on mass removals among them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pace_oracle.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/policy.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "simulated_metadata.hpp"

namespace rancher_cnode::simulation {

using namespace membership;
using namespace reconciler;

class Oracle {
 public:
  Oracle(int self, ReadScope scope, const MembershipSettings& rules)
      : self_(self), scope_(scope), rules_(rules) {}

  void take(TimePoint now, const Answer& answer);

  /// Nothing, or in what `desired` differs from what these answers come to. `names`: of the containers.
  [[nodiscard]] std::optional<std::string> against(const Desired& desired,
                                                   const std::vector<NodeName>& names) const;

  /// Nothing, or in what the reports, or the time of the next read, differ.
  [[nodiscard]] std::optional<std::string> against_reports(const Membership& membership,
                                                           const std::vector<NodeName>& names) const;

  /// Nothing, or the rule that a probe or dial of `number` would break.
  [[nodiscard]] std::optional<std::string> against_dial(int number) const;

  /// Nothing, or the rule that a disconnect of `number` would break.
  [[nodiscard]] std::optional<std::string> against_disconnect(int number) const;

  /// Nothing, or why no connection of `number` may be cut because it has departed. A look at the metadata may
  /// be as old as `age`.
  [[nodiscard]] std::optional<std::string> against_cut(TimePoint now, int number, Milliseconds age) const;

  /// The newest answer is authoritative, or was before those that tell nothing, and lists both.
  [[nodiscard]] bool lists_both(int a, int b) const;

  /// The same for the oracle of the pace.
  [[nodiscard]] PaceOracle::Wanted wanted() const;
  [[nodiscard]] DepartureOracle::Wanted wanted_departures() const;

  /// How often it has departed.
  [[nodiscard]] int departures_of(int number) const {
    const auto count = departures_.find(number);
    return count == departures_.end() ? 0 : count->second;
  }
  [[nodiscard]] bool has_departed(int number) const {
    return number == self_ ? own_ == OwnMembership::removed : departed_.contains(number);
  }

  [[nodiscard]] bool ever_listed(int number) const { return ever_listed_.contains(number); }

 private:
  struct Missing {
    TimePoint since;  ///< answers cover the time from then on
    int reads = 0;
    bool mass = false;
  };
  struct Peer {
    std::string uuid;  ///< of the container last seen at the address
    bool up = false;   ///< by its state when it was listed last
    bool dialable = false;
    std::optional<TimePoint> arrived;  ///< unless with the first answer
    std::optional<Missing> missing;
    std::string hold;  ///< why it must not be dialled, as it is reported
    MemberState state = MemberState::dialable;
    TimePoint since;
  };
  struct Departed {
    TimePoint since;
    bool up = false;
  };
  using Peers = std::map<int, Peer>;

  void take_listed(TimePoint now, const Listing& listing);
  void take_own(TimePoint now, const std::set<int>& missing, bool covered);
  void take_missing(TimePoint now, const std::set<int>& missing, bool covered);
  void take_states(TimePoint now);
  void take_guard(TimePoint now);
  void remember_confirmed(TimePoint now, const std::set<int>& before);
  static Missing& add_evidence(TimePoint now, Peer& peer, bool covered);
  [[nodiscard]] std::string hold_of(const Entry& entry) const;
  [[nodiscard]] std::optional<TimePoint> next_read() const;
  [[nodiscard]] std::optional<std::string> against_guard(
      const std::optional<MassRemovalGuardView>& reported) const;
  [[nodiscard]] std::set<int> missing_from(const Listing& listing) const;
  [[nodiscard]] std::set<int> confirmed() const;
  [[nodiscard]] std::size_t net_losses(TimePoint now) const;
  [[nodiscard]] bool is_mass(std::size_t missing, std::size_t of) const;
  [[nodiscard]] bool is_lasting(TimePoint now, const Missing& missing) const;
  [[nodiscard]] bool is_gone(TimePoint now, const Missing& missing) const;
  [[nodiscard]] TimePoint confirmed_at(const Missing& missing) const;

  int self_;
  ReadScope scope_;
  MembershipSettings rules_;
  Peers peers_;                       ///< those that belong, missing ones too; our own among them
  std::map<int, Departed> departed_;  ///< our own not among them
  std::set<int> ever_listed_;
  std::map<int, int> departures_;
  std::map<int, TimePoint> confirmed_until_;  ///< departures that the newest answer confirms no more
  OwnMembership own_ = OwnMembership::unknown;
  bool others_confirmed_ = false;  ///< the last read was authoritative
  bool own_confirmed_ = false;
  bool has_answers_ = false;    ///< one has listed somebody
  bool last_was_full_ = false;  ///< the last read listed somebody, and its source may remove
  int told_nothing_ = 0;        ///< reads in a row
  std::optional<MassRemovalGuardView> own_guard_;
  std::optional<MassRemovalGuardView> guard_;  ///< as the last read with containers came to it
  TimePoint last_read_;
  TimePoint own_since_;
  std::uint64_t failed_reads_ = 0;
  std::uint64_t partial_reads_ = 0;
  std::uint64_t whole_reads_ = 0;
  std::uint64_t removed_ = 0;
};

}  // namespace rancher_cnode::simulation
