// The metadata service of a simulated cluster: the truth about the service, the snapshots made of it, and the
// ways in which an answer may be wrong. Container n stands for host n at 10.42.0.n.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "reconciler/random.hpp"

namespace rancher_cnode::simulation {

using namespace membership;
using namespace reconciler;

/// Dice on top of the generator.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  /// low to high, both included
  int number(int low, int high) {
    return low + static_cast<int>(random_.next() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return number(1, 100) <= percent; }
  Milliseconds between(Milliseconds low, Milliseconds high) {
    return Milliseconds(number(static_cast<int>(low.count()), static_cast<int>(high.count())));
  }
  std::uint64_t next() { return random_.next(); }

 private:
  Random random_;
};

/// Another container on the network of the first, thus at its address.
struct Sidekick {
  std::string uuid;
  bool up = true;
  bool is_first = false;  ///< in the list
};

/// What a read says about one container, in the simulation's own words, for the oracle.
struct Entry {
  std::string uuid;
  bool has_address = true;
  bool up = true;
  bool healthy = true;
  std::optional<Sidekick> sidekick{};
};
using Listing = std::map<int, Entry>;

/// One answer, and what it means. A failed read has no listing; an emptied one has an empty listing.
struct Answer {
  std::shared_ptr<const Read> read;
  std::shared_ptr<const Listing> listing;  ///< null: failed
  Authority authority = Authority::full;
};

/// self_alone: authoritative, but without all the others. may_only_add: old, from a URL just switched to.
/// frozen: the host's metadata alone differs, and answers the same all the while.
enum class Fault { none, unknown, emptied, without_self, stale, flapping, self_alone, may_only_add, frozen };

class SimulatedMetadata {
 public:
  void list(int number);
  void remove(int number) { truth_.erase(number); }
  /// Another container takes the place of this one, at its address.
  void replace(int number);
  void set_up(int number, bool up) { truth_.at(number).up = up; }
  void set_address(int number, bool has_address) { truth_.at(number).has_address = has_address; }
  void set_healthy(int number, bool healthy) { truth_.at(number).healthy = healthy; }
  /// Gives it a sidekick, or takes it away.
  void change_sidekick(int number, Dice& dice);
  /// A new snapshot of the truth: what reads say from now on.
  void publish();

  [[nodiscard]] const Listing& truth() const { return truth_; }
  [[nodiscard]] Answer answer(Fault fault, int self, Dice& dice) const;
  /// What a host's metadata alone may say that lists this container: an old snapshot, or one that lacks
  /// others, but none of `kept`.
  [[nodiscard]] Answer odd_one(int self, const std::set<int>& kept, Dice& dice) const;

 private:
  static Answer make(Listing listing);

  Listing truth_;
  int instances_ = 0;
  std::vector<Answer> snapshots_;
};

}  // namespace rancher_cnode::simulation
