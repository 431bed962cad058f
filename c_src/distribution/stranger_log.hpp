// What the log says of those who connect to us and fail. Used by cnode.
//
// Anyone who reaches our port can fail as often as he likes, so this is the one place where the number of
// lines is not ours to choose: each fault of a source is written once until the source does well, and a minute
// has only so many lines.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/log.hpp"
#include "rancher_cnode/told_once.hpp"

namespace rancher_cnode::distribution {

class StrangerLog {
 public:
  static constexpr std::size_t max_lines_a_minute = 10;
  static constexpr std::size_t max_sources_remembered = 256;

  /// `log` must outlive this object.
  explicit StrangerLog(const Log& log) : log_(log) {}

  /// Writes a warning with from, stage and reason, and with how many were left out since the last one.
  void warn(TimePoint now, std::string_view event, const std::string& from, std::string_view stage,
            const std::string& reason);
  /// The source has done well meanwhile: its next fault is news, whatever it is.
  void forget(const std::string& from);

 private:
  bool is_news(const std::string& from, const std::string& fault);
  bool has_room(TimePoint now);

  const Log& log_;
  std::map<std::string, ToldOnce> told_;
  TimePoint minute_began_;
  std::size_t lines_this_minute_ = 0;
  std::int64_t left_out_ = 0;
};

}  // namespace rancher_cnode::distribution
