// Who gets every event as a message, as it is logged:
//
//   {subscribe, Monitor, After} -> {ok, {Instance, Id}} | {error, too_many_subscribers}
//
// and from then on {rancher_cnode_event, Monitor, Event} for each event after Id, to the caller. Monitor is a
// reference of the caller's to the process rancher_cnode: a subscription lasts until that is demonitored,
// which the end of the caller does too (DEMONITOR_P), or the connection ends. After is `new`, or {Instance,
// Id} of an event; of another instance, for which {0, 0} may stand, all that is remembered is sent.
//
// Nothing is queued here: the log remembers the events, and each subscriber has a place in it. One that does
// not read falls behind, and has a gap in the ids where the log has forgotten. Used by the status server. On
// the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::status {

class Subscribers {
 public:
  static constexpr std::size_t max_subscribers = 32;
  /// What may wait on the connection of a subscriber before it gets the next event.
  static constexpr std::size_t max_unsent_bytes = std::size_t{256} << 10U;
  /// After which one whose connection was full gets the next events.
  static constexpr Milliseconds retry{500};

  using Events = std::function<Log::Recent(std::uint64_t after_id, std::size_t limit)>;

  /// What is given by reference must outlive it.
  Subscribers(Timers& timers, distribution::CNode& cnode, Events events);

  /// Answers the call; `arguments` are Monitor and After.
  void add(const distribution::GenCall& call, std::span<const char> arguments);
  /// The monitor was removed.
  void remove(const distribution::Pid& subscriber, const distribution::Reference& monitor);
  /// The connection to this node is lost.
  void forget(const NodeName& node);
  /// Sends what there is to everybody who can take it.
  void deliver();

 private:
  struct Subscriber {
    distribution::Pid pid;
    distribution::Reference monitor;
    std::uint64_t sent;  ///< id of the last event
  };
  enum class Delivery { complete, behind };
  [[nodiscard]] Delivery deliver_to(Subscriber& subscriber);

  Timers& timers_;
  distribution::CNode& cnode_;
  Events events_;
  std::vector<Subscriber> subscribers_;
  Timers::Pending retry_;
};

}  // namespace rancher_cnode::status
