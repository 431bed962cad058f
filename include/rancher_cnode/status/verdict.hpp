// Judges a Report: is the cluster whole, as this container sees it now? Used by the commands `status` and
// `check`. Pure.
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

/// Why the application should get no requests, in words; empty if it is ready: a BEAM is driven, there was an
/// authoritative answer (of any age: it stays true while the metadata is down), and each driven BEAM is
/// connected to `ready_peers` peers.
[[nodiscard]] std::vector<std::string> unready_reasons(const Report& report, std::uint64_t ready_peers);

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
