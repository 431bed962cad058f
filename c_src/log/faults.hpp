// The faults that were reported and have not ended, by the table of events. Used by Log. Pure: time is an
// argument.
//
// A fault is one event of one peer, of one target or service, and of one value of the field that its row
// names as fault_for_each. It ends with one of the events that its row names, of the same peer, target and
// value: where either of the two has none, that is the same. An event that begins anew ends all.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/logged_event.hpp"

namespace rancher_cnode {

class Faults {
 public:
  static constexpr std::chrono::minutes reminder_interval{10};
  static constexpr std::size_t max_faults = 4'096;  ///< further ones are not kept
  static constexpr std::size_t max_examples = 3;

  /// `info` if it was reported as such because a start is under way.
  void began(TimePoint now, const LoggedEvent& event);
  void ended_by(const LoggedEvent& event);

  /// Those that were reported as info only; they count as warnings from now on.
  [[nodiscard]] std::vector<LoggedEvent> take_pending();

  struct Reminder {
    std::string faults;  ///< with the number of each: "peer_lost 2, peer_unreachable 1"
    std::string oldest;  ///< "peer_lost", and of which peer or target
    std::chrono::seconds oldest_age;
    std::string examples;  ///< the peers of some
  };
  /// Of all that have lasted for reminder_interval; nothing if there are none, or within that time of the
  /// last one.
  [[nodiscard]] std::optional<Reminder> take_reminder(TimePoint now);

 private:
  struct Fault {
    LoggedEvent event;
    TimePoint since;
  };
  struct Subject {
    std::string peer;
    std::string scope;  ///< target or service
    std::string value;  ///< of fault_for_each
    friend auto operator<=>(const Subject&, const Subject&) = default;
  };
  using OfOneEvent = std::map<Subject, Fault>;
  static Subject subject_of(const LoggedEvent& event, const Event& row);
  static void erase(OfOneEvent& faults, const Subject& subject);

  std::map<std::string, OfOneEvent> faults_;  ///< by event; none is empty
  std::size_t count_ = 0;
  TimePoint next_check_;  ///< no reminder is due before; only while there are faults
};

}  // namespace rancher_cnode
