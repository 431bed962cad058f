// Says of one C-node, from the answers it was given and nothing else, what it may do. Written apart from the
// code under test and without regard to cost: it keeps every answer and goes through them backwards.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/policy.hpp"
#include "simulated_metadata.hpp"

namespace rancher_cnode::membership::simulation {

class Oracle {
 public:
  Oracle(int self, ReadScope scope, RemovalPolicy removal) : self_(self), scope_(scope), removal_(removal) {}

  void take(TimePoint now, const Answer& answer);

  /// Nothing, or the rule that a probe or dial of `number` would break.
  [[nodiscard]] std::optional<std::string> against_dial(int number) const;

  /// Nothing, or the rule that a leave of `number` would break.
  [[nodiscard]] std::optional<std::string> against_leave(int number) const;

  [[nodiscard]] bool ever_listed(int number) const { return uuids_.contains(number); }

 private:
  /// unsure: listed without an address after it may have left; both views of it are right.
  enum class Seen { up, held, unsure, absent };
  struct Good {
    TimePoint at;
    bool whole;
    std::map<int, Seen> seen;  ///< without the absent ones
  };
  [[nodiscard]] static Seen seen(const Good& read, int number);
  /// The answers since the last that listed `number`, newest first; only those that may speak against it.
  [[nodiscard]] std::vector<TimePoint> missing_from(int number) const;

  int self_;
  ReadScope scope_;
  RemovalPolicy removal_;
  std::vector<Good> reads_;           ///< not the unknown and the emptied ones: they say nothing
  std::map<int, std::string> uuids_;  ///< of the container last seen at each address
};

}  // namespace rancher_cnode::membership::simulation
