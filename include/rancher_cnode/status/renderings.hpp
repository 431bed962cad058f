// A Report as text: for people, for programs, for Prometheus and for Erlang. Used by the command `status`.
// Pure. What the report contains is foreign: nothing of it reaches a terminal or a parser unescaped.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include "rancher_cnode/status/report.hpp"

namespace rancher_cnode::status {

enum class Colour { off, on };

struct TableStyle {
  Colour colour = Colour::off;
  /// Rows of peers are cut to this number of columns, other lines are wrapped.
  std::size_t width = std::numeric_limits<std::size_t>::max();
};

/// First line: version, uptime and verdict; then the BEAM, the container, metadata, and one row for each
/// peer.
[[nodiscard]] std::string as_table(const Report& report, const TableStyle& style);

/// One line. Field names as in docs/status.md; atoms are strings, undefined is null.
[[nodiscard]] std::string as_json(const Report& report);

/// Text format 0.0.4. Times are in seconds; a field that is undefined has no sample.
[[nodiscard]] std::string as_prometheus(const Report& report);

/// One term that file:consult/1 reads.
[[nodiscard]] std::string as_erlang(const Report& report);

}  // namespace rancher_cnode::status
