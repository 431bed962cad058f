// Logs inbound connections that fail. Used by connector.
//
// Anyone who reaches our port can fail without limit, so the number of lines is limited here: each fault of a source is
// logged once until the source succeeds, and the number of lines per minute is bounded.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/log/log_deduplication.hpp"

namespace rancher_cnode::distribution {

class InboundLog {
 public:
  static constexpr std::size_t max_lines_per_minute = 10;
  static constexpr std::size_t max_sources_remembered = 256;

  /// `log` must outlive this object.
  explicit InboundLog(const Log& log) : log_(log) {}

  /// Logs a warning with from, stage and reason, and with the number of lines suppressed since the last one.
  void warn(TimePoint now, std::string_view event, const std::string& from, std::string_view stage,
            const std::string& reason);
  /// The source has succeeded: its next fault is logged again.
  void forget(const std::string& from);

 private:
  bool first_occurrence(const std::string& from, const std::string& fault);
  bool within_limit(TimePoint now);

  const Log& log_;
  std::map<std::string, LogDeduplication> logged_;
  TimePoint minute_began_;
  std::size_t lines_this_minute_ = 0;
  std::int64_t suppressed_ = 0;
};

}  // namespace rancher_cnode::distribution
