// How long probes and dials took, by result, in histograms. Filled by the agent where it executes them, part
// of a Snapshot.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::status {

struct DurationHistogram {
  /// Upper limits of the buckets. A probe may take 1 s, net_kernel gives a peer 7 s, and a dial ends after 15
  /// s.
  static constexpr std::array<Milliseconds, 8> limits{
      Milliseconds(5),     Milliseconds(25),    Milliseconds(100),   Milliseconds(250),
      Milliseconds(1'000), Milliseconds(2'500), Milliseconds(7'500), Milliseconds(15'000)};

  std::array<std::uint64_t, limits.size()> within{};  ///< those that took at most this limit
  std::uint64_t count = 0;                            ///< all
  Duration total{0};

  void add(Duration took) {
    const auto first = std::ranges::lower_bound(limits, took);
    for (auto i = static_cast<std::size_t>(first - limits.begin()); i < within.size(); ++i) {
      ++within.at(i);
    }
    ++count;
    total += took;
  }
};

/// Of all targets since the start.
struct Durations {
  std::array<DurationHistogram, reconciler::probe_outcomes> probes;  ///< by ProbeOutcome
  std::array<DurationHistogram, reconciler::dial_outcomes> dials;    ///< by DialOutcome

  void add(reconciler::ProbeOutcome outcome, Duration took) {
    probes.at(static_cast<std::size_t>(outcome)).add(took);
  }
  void add(reconciler::DialOutcome outcome, Duration took) {
    dials.at(static_cast<std::size_t>(outcome)).add(took);
  }
};

}  // namespace rancher_cnode::status
