// The half of a reconciler that unmakes links: every leaver, whether the target is linked to it, and when it
// is asked to leave. Used by reconciler only, which owns the ids and the link list.
//
// A leaver that is linked waits a random while, so that the C-nodes of a cluster do not ask all at once; then
// the links are listed anew, and it is asked only if that list still shows it. The same holds for the target
// itself when our own container has left: it is "linked" while it has a link to any node that metadata ever
// named.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "action_ids.hpp"
#include "rancher_cnode/membership/reconciler.hpp"
#include "random.hpp"

namespace rancher_cnode::membership {

class LeaverTable {
 public:
  /// The references must outlive this object.
  LeaverTable(const ReconcilerSettings& settings, ActionIds& ids, Random& random,
              ReconcilerCounters& counters);

  /// Returns true if there are leavers that were none before: the links should be listed.
  [[nodiscard]] bool take_desired(TimePoint now, std::shared_ptr<const Desired> desired);

  /// Forgets links, but not when a leaver was asked last, nor the leaves in flight: they are about the leaver.
  void restart(TimePoint now);

  /// `listed` is the id of the list that was answered. Starts the leaves that it confirms.
  void take_links(TimePoint now, ActionId listed, const std::vector<NodeName>& links,
                  std::vector<Action>& actions);

  void take_leave(TimePoint now, ActionId id, LeaveOutcome outcome);

  /// Returns true if the random wait of a leaver is over: the links must be listed once more.
  [[nodiscard]] bool wait_is_over(TimePoint now);

  [[nodiscard]] TimePoint next_due() const { return next_due_; }
  [[nodiscard]] std::vector<LeaverView> leavers() const;

 private:
  enum class Phase {
    idle,
    spread,   ///< waits its random while, until `due`
    looking,  ///< to be asked if a list from `judged_from` on still shows it
  };
  struct Leaver {
    bool wanted = true;  ///< false: a leaver no longer, kept for the answer in flight or for `asked`
    bool linked = false;
    Phase phase = Phase::idle;
    TimePoint due;
    ActionId judged_from = 0;
    ActionId seen_in = 0;
    ActionId flight = 0;
    std::optional<TimePoint> asked;
    std::string_view reason;
    std::uint32_t attempts = 0;
    LeaverState state = LeaverState::away;
    TimePoint since;
  };
  using Leavers = std::map<NodeName, Leaver>;

  void mark_linked(ActionId listed, const std::vector<NodeName>& links);
  void judge(TimePoint now, ActionId listed, const NodeName& name, Leaver& leaver);
  void ask(TimePoint now, Leavers::iterator place, std::vector<Action>& actions);
  void update_state(TimePoint now, Leaver& leaver);
  [[nodiscard]] bool asked_lately(TimePoint now, const Leaver& leaver) const;
  [[nodiscard]] bool may_ask(const NodeName& name) const;

  const ReconcilerSettings& settings_;
  ActionIds& ids_;
  Random& random_;
  ReconcilerCounters& counters_;
  std::shared_ptr<const Desired> desired_ = std::make_shared<const Desired>();
  Leavers leavers_;
  std::unordered_map<ActionId, Leavers::iterator> flights_;
  TimePoint next_due_ = TimePoint::max();
};

}  // namespace rancher_cnode::membership
