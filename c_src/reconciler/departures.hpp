// The half of a reconciler that handles departed peers: each one that the target was connected to, or may
// have been, when it departed. Used by reconciler only, which owns the ids and the connection list.
//
// The target itself has departed if it is among them: then it is "connected" while it is connected to any
// other node that metadata ever named, and is asked to disconnect. Other peers are left alone, or
// disconnected if the policy is to do so. No peer is disconnected twice: one that is connected again
// afterwards, or connected for the first time after it had departed, was connected on purpose.
//
// Before a disconnect, the connections are listed once more, and only a peer that this list contains, and
// that is still departed, is disconnected. An entry ends when a list no longer contains the peer, or when it
// is a member again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rancher_cnode/reconciler/reconciler.hpp"
#include "reconciler/action_ids.hpp"
#include "reconciler/random.hpp"

namespace rancher_cnode::reconciler {

enum class TargetIs { down, up };

class Departures {
 public:
  /// The references must outlive this object.
  Departures(const ReconcilerSettings& settings, ActionIds& ids, Random& random, ReconcilerCounters& counters,
             std::vector<ConnectionFact>& facts);

  /// Returns true if a list is needed, to see whether the target is connected to those that have departed.
  [[nodiscard]] bool take_desired(TimePoint now, std::shared_ptr<const membership::Desired> desired);

  /// The target is away, or has restarted: its connections are no longer known. Only its own entry and the
  /// disconnects in flight are kept.
  void restart(TargetIs target);

  /// `listed` is the id of the list that was answered.
  void take_connections(TimePoint now, ActionId listed, const std::vector<NodeName>& connections,
                        std::vector<Action>& actions);
  void take_disconnect(TimePoint now, ActionId id, DisconnectOutcome outcome);

  /// Returns true if the wait of an entry is over: the connections must be listed once more.
  [[nodiscard]] bool wait_is_over(TimePoint now);

  [[nodiscard]] TimePoint next_due() const { return next_due_; }
  [[nodiscard]] std::vector<DepartedView> views() const;

 private:
  enum class Phase {
    looking,    ///< the next list shows whether it is connected
    waiting,    ///< connected; until `due`, then it is asked, or reported
    last_look,  ///< asked, or reported, if a list from `last_look_from` on still shows it
    asking,     ///< the answer to `flight` is awaited
    settled,    ///< asked, or reported as still connected: only its end is waited for
  };
  struct Entry {
    Phase phase = Phase::looking;
    ActionId judged_from = 0;  ///< lists before this one do not count for it
    ActionId last_look_from = 0;
    TimePoint due;
    ActionId flight = 0;
    bool done = false;                ///< it was asked, or there was nothing to ask for
    std::optional<Departure> stated;  ///< again only when it changes
    std::string_view reason;
    TimePoint since;
  };
  using Entries = std::map<NodeName, Entry>;

  [[nodiscard]] bool is_departed(const NodeName& name) const { return desired_->departed.contains(name); }
  [[nodiscard]] bool is_asked(const NodeName& name) const;
  [[nodiscard]] bool is_of_cluster(const NodeName& name) const;
  [[nodiscard]] bool concerns(const NodeName& name, const membership::Desired& before) const;
  [[nodiscard]] Duration wait_before(const NodeName& name);
  void look(Entry& entry) const;
  void state(const NodeName& name, Entry& entry, Departure departure);
  void connected(TimePoint now, ActionId listed, Entries::iterator place, std::vector<Action>& actions);
  void act(TimePoint now, const NodeName& name, Entry& entry, std::vector<Action>& actions);

  const ReconcilerSettings& settings_;
  ActionIds& ids_;
  Random& random_;
  ReconcilerCounters& counters_;
  std::vector<ConnectionFact>& facts_;
  std::shared_ptr<const membership::Desired> desired_ = std::make_shared<const membership::Desired>();
  Entries entries_;
  std::unordered_map<ActionId, NodeName> flights_;
  TimePoint next_due_ = TimePoint::max();
  TargetIs target_ = TargetIs::down;
};

}  // namespace rancher_cnode::reconciler
