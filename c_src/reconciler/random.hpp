// A small seeded generator for jitter (SplitMix64): the same seed gives the same waits with every compiler
// and library, so that a run of the simulation can be repeated. Not for secrets.
#pragma once

#include <cstdint>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::reconciler {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }

  /// From low to high, both included. Precondition: low <= high.
  Duration between(Duration low, Duration high) {
    const auto span = static_cast<std::uint64_t>((high - low).count());
    return low + Duration(static_cast<Duration::rep>(next() % (span + 1)));
  }

 private:
  std::uint64_t state_;
};

}  // namespace rancher_cnode::reconciler
