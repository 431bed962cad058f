// Says of one C-node, from the answers that metadata served it and nothing else, what it must want and what it may
// do. Written apart from the code under test: it knows containers by their numbers and the rules of
// membership.hpp, the one on mass removals among them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pace_oracle.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/policy.hpp"
#include "simulated_metadata.hpp"

namespace rancher_cnode::membership::simulation {

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

  /// Nothing, or the rule that a leave of `number` would break.
  [[nodiscard]] std::optional<std::string> against_leave(int number) const;

  /// The same for the oracle of the pace.
  [[nodiscard]] PaceOracle::Wanted wanted() const;

  [[nodiscard]] bool ever_listed(int number) const { return ever_listed_.contains(number); }

 private:
  struct Missing {
    TimePoint since;
    int reads = 0;
    bool mass = false;
  };
  struct Peer {
    std::string uuid;  ///< of the container last seen at the address
    bool up = false;   ///< by its state when it was listed last
    bool dialable = false;
    std::optional<Missing> missing;
    std::string hold;  ///< why it must not be dialled, as it is reported
    Standing standing = Standing::dialable;
    TimePoint since;
  };
  using Peers = std::map<int, Peer>;

  void take_listed(const Listing& listing);
  void take_own(TimePoint now, bool missing, bool mass);
  void take_missing(TimePoint now, const std::set<int>& missing);
  void take_standings(TimePoint now);
  [[nodiscard]] std::string hold_of(const Entry& entry) const;
  [[nodiscard]] std::optional<TimePoint> next_read() const;
  [[nodiscard]] std::optional<std::string> against_guard(const std::optional<MassHold>& reported) const;
  [[nodiscard]] std::set<int> missing_from(const Listing& listing) const;
  [[nodiscard]] bool is_mass(std::size_t missing, std::size_t of) const;
  [[nodiscard]] bool is_mass(const std::set<int>& missing) const;
  [[nodiscard]] bool is_lasting(TimePoint now, const Missing& missing) const;
  [[nodiscard]] bool is_gone(TimePoint now, const Missing& missing) const;
  [[nodiscard]] TimePoint confirmed_at(const Missing& missing) const;

  int self_;
  ReadScope scope_;
  MembershipSettings rules_;
  Peers peers_;                       ///< those that belong, missing ones too; our own among them
  std::map<int, TimePoint> leavers_;  ///< with the time when each was removed
  std::set<int> ever_listed_;
  OwnPresence own_ = OwnPresence::unknown;
  bool others_borne_out_ = false;  ///< by the last read
  bool own_borne_out_ = false;
  int told_nothing_ = 0;  ///< reads in a row
  TimePoint last_read_;
  TimePoint own_since_;
  std::uint64_t failed_reads_ = 0;
  std::uint64_t partial_reads_ = 0;
  std::uint64_t whole_reads_ = 0;
};

}  // namespace rancher_cnode::membership::simulation
