// Judges a Report: is the cluster whole, as this container sees it now, and is the application ready? Used by
// the commands `status` and `check`, and for /readyz by the agent. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/status/report.hpp"

namespace rancher_cnode::status {

struct Verdict {
  enum class Kind {
    whole,        ///< every dialable peer is connected
    incomplete,   ///< at least one is not, or a service was never read
    not_driving,  ///< no BEAM is connected, or there was no authoritative answer yet
  };
  Kind kind = Kind::not_driving;
  std::uint64_t connected = 0;         ///< peers; with several targets the sum of theirs
  std::uint64_t missing = 0;           ///< dialable, and not connected
  std::uint64_t held = 0;              ///< must not be dialled, and not connected
  std::uint64_t fewest_connected = 0;  ///< of the target that has the fewest
};
/// Not connected, and must not be dialled.
[[nodiscard]] bool is_held(const Report::Peer& peer);
[[nodiscard]] Verdict verdict_on(const Report& report);

/// One line in words: "WHOLE, 2 of 2 dialable peers connected, 1 held".
[[nodiscard]] std::string in_words(const Verdict& verdict);

/// Why no BEAM is driven, in words: which one is not connected, or why none is known.
[[nodiscard]] std::string no_target(const Report& report);

/// Why it is not whole, with one example; empty if it is.
[[nodiscard]] std::string shortfall(const Report& report);

/// What readiness demands.
struct ReadyDemands {
  std::uint64_t peers = 0;  ///< connected ones, of each driven BEAM
  /// There may be fewer once that BEAM has been connected for this time; nothing: never.
  std::optional<Milliseconds> grace = {};
};
struct Readiness {
  enum class State { unready, ready };
  State state = State::unready;
  std::vector<std::string> lines;  ///< without line ends, at least one: the reasons, or what is ready
};
/// Whether the application should get requests, in words: a BEAM is driven, there was an authoritative answer
/// (of any age: it stays true while the metadata is down), and each driven BEAM has its peers or is past the
/// grace.
[[nodiscard]] Readiness readiness(const Report& report, const ReadyDemands& demands);

/// What `check` demands. Without `expect` and `min`, a whole cluster.
struct Demands {
  std::optional<std::uint64_t> expect = {};  ///< exactly so many connected peers, and none missing
  std::optional<std::uint64_t> min = {};     ///< at least so many connected peers; others may be missing
  std::optional<Milliseconds> max_metadata_age = {};  ///< of the last authoritative answer
  std::optional<Milliseconds> grace =
      {};  ///< peers may be missing while the C-node has run for less than this
};
struct CheckResult {
  enum class Outcome { passed, failed };
  Outcome outcome = Outcome::failed;
  std::string line;  ///< without line end
};
[[nodiscard]] CheckResult check(const Report& report, const Demands& demands);

}  // namespace rancher_cnode::status
