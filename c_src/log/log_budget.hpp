// Which lines are left out because there are too many about one matter: one event of one subject, such as a
// peer. Used by Log.
//
// The first lines about a matter are written; if more follow, all are left out until the matter has been
// quiet for a minute. What was left out is summed up, of all matters together. Pure: time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/logged_event.hpp"

namespace rancher_cnode {

class LogBudget {
 public:
  static constexpr int lines_of_matter = 4;
  static constexpr std::chrono::minutes quiet{1};
  static constexpr std::size_t max_matters = 4'096;  ///< further ones share one for each event
  /// From the first line left out to the summary, and from one summary to the next.
  static constexpr std::chrono::minutes first_summary{1};
  static constexpr std::chrono::minutes summary_interval{10};

  /// False if the line is to be left out; it is counted.
  [[nodiscard]] bool take(TimePoint now, const LoggedEvent& event);

  struct Summary {
    std::int64_t lines = 0;
    std::string events;  ///< with the number of each: "peer_lost 7, peer_connected 6"
    std::string last;    ///< "peer_connected", and of which peer, target or source
  };
  /// Nothing if no line was left out since the last one, or it is not due.
  [[nodiscard]] std::optional<Summary> take_summary(TimePoint now);

 private:
  struct Matter {
    int lines = 0;
    TimePoint last;
  };
  Matter& matter_of(TimePoint now, const LoggedEvent& event);

  std::map<std::string, Matter, std::less<>> matters_;
  std::map<std::string, std::int64_t> left_out_;  ///< since the last summary
  std::string last_left_out_;
  TimePoint left_out_since_;
  std::optional<TimePoint> last_summary_;
};

}  // namespace rancher_cnode
