// Which lines are left out because there are too many: about one matter, which is one event of one subject,
// such as a peer; or about too many matters of one event. Used by Log.
//
// The first lines about a matter are written; if more follow, all are left out until the matter has been
// quiet for a minute. So are further matters of an event, until there has been no further one for a minute,
// or until they were summed up. One summary has all that was left out. An event has a budget at each level:
// what is normal takes nothing from what is not. Pure: time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/logged_event.hpp"

namespace rancher_cnode {

class LogBudget {
 public:
  static constexpr int lines_of_matter = 4;
  /// As many peers as a cluster has that people know by name: what happens to 30 hosts is written in full.
  static constexpr int matters_of_event = 32;
  static constexpr std::chrono::minutes quiet{1};
  /// From the first line left out of an event to the summary, and from that to the next one with this event.
  static constexpr std::chrono::minutes first_summary{1};
  static constexpr std::chrono::minutes summary_interval{10};

  /// False if the line is to be left out; it is counted.
  [[nodiscard]] bool take(TimePoint now, const LoggedEvent& event);

  struct Summary {
    std::int64_t lines = 0;
    std::string events;    ///< with the number of each: "peer_lost 7, peer_connected 6"
    std::string examples;  ///< the last of each, and of which peer, target or source
  };
  /// Nothing if no line was left out since the last one, or none is due.
  [[nodiscard]] std::optional<Summary> take_summary(TimePoint now);

 private:
  struct Matter {
    int lines = 0;
    TimePoint last;
  };
  struct LeftOut {
    std::int64_t lines = 0;
    std::string example;
    TimePoint since;
  };
  struct OfEvent {
    std::map<std::string, Matter> matters;
    std::optional<TimePoint> further;  ///< when the last one came that was too many, since the summary
    std::optional<LeftOut> left_out;   ///< since the last summary
    std::optional<TimePoint> summary;  ///< the last one that had this event
  };
  static Matter* matter_of(TimePoint now, OfEvent& budget, const std::string& name);
  static bool is_due(TimePoint now, const OfEvent& budget);

  std::map<std::pair<std::string, LogLevel>, OfEvent> budgets_;
};

}  // namespace rancher_cnode
