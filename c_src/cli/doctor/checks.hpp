// The checks of the command `doctor`: a table, in the order of the output. Each check is a function of the
// collected facts. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/doctor/facts.hpp"

namespace rancher_cnode::cli::doctor {

enum class Outcome {
  ok,
  skipped,  ///< it cannot be judged, because of another one
  warning,
  failure,
};
[[nodiscard]] std::string_view to_string(Outcome outcome);

struct Result {
  Outcome outcome = Outcome::ok;
  std::string text;    ///< what was found; one line that may contain foreign text
  std::string advice;  ///< what to do; only for a warning and a failure
};

struct Check {
  std::string_view name;  ///< as in docs/doctor.md
  Result (*judge)(const Facts&);
};
[[nodiscard]] std::span<const Check> checks();

struct Finding {
  std::string_view check;
  Result result;
};
/// Of every check, in their order.
[[nodiscard]] std::vector<Finding> findings(const Facts& facts);

/// The worst one.
[[nodiscard]] Outcome worst_of(std::span<const Finding> findings);

// The checks. Each file judges one group.
[[nodiscard]] Result settings(const Facts& facts);
[[nodiscard]] Result cookie(const Facts& facts);
[[nodiscard]] Result cookie_file(const Facts& facts);
[[nodiscard]] Result own_address(const Facts& facts);
[[nodiscard]] Result epmd(const Facts& facts);
[[nodiscard]] Result node_name(const Facts& facts);
[[nodiscard]] Result listen_port(const Facts& facts);

[[nodiscard]] Result metadata_names(const Facts& facts);
[[nodiscard]] Result metadata_answer(const Facts& facts);
[[nodiscard]] Result metadata_fallback(const Facts& facts);
[[nodiscard]] Result metadata_address(const Facts& facts);
[[nodiscard]] Result service(const Facts& facts);
[[nodiscard]] Result long_poll(const Facts& facts);

[[nodiscard]] Result beam(const Facts& facts);
[[nodiscard]] Result beam_protocol(const Facts& facts);
[[nodiscard]] Result beam_epmd_port(const Facts& facts);
[[nodiscard]] Result beam_connection(const Facts& facts);
[[nodiscard]] Result beam_basename(const Facts& facts);
[[nodiscard]] Result otp_release(const Facts& facts);
[[nodiscard]] Result overlapping_partitions(const Facts& facts);
[[nodiscard]] Result hazards(const Facts& facts);

[[nodiscard]] Result peer_epmd(const Facts& facts);
[[nodiscard]] Result peer_port(const Facts& facts);
[[nodiscard]] Result peer_handshake(const Facts& facts);
[[nodiscard]] Result net_ticktime(const Facts& facts);

}  // namespace rancher_cnode::cli::doctor
