#include "cli/plan/imagined_target.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace rancher_cnode::cli {
namespace action = reconciler::action;
namespace event = reconciler::event;
using reconciler::Event;

void ImaginedTarget::run(TimePoint now, const std::shared_ptr<const membership::Desired>& desired,
                         Milliseconds duration, Dials dials) {
  dials_ = dials;
  take(reconciler_.step(now, event::DesiredChanged{desired}));
  if (!std::exchange(up_, true)) {
    take(reconciler_.step(now, event::TargetUp{}));
  }
  const TimePoint end = now + duration;
  while (now <= end) {
    while (!actions_.empty()) {
      const auto next = actions_.front();
      actions_.pop_front();
      take(reconciler_.step(now, std::visit([this](const auto& what) { return result_of(what); }, next)));
    }
    now = std::max(reconciler_.next_wake(), now + Milliseconds(1));
    if (now <= end) {
      take(reconciler_.step(now, event::Tick{}));
    }
  }
}

std::string ImaginedTarget::reason_of(const NodeName& node) const {
  const auto peer = reconciler_.peer(node);
  return peer ? std::string(peer->reason) : "";
}

void ImaginedTarget::take(reconciler::Step step) {
  std::ranges::move(step.actions, std::back_inserter(actions_));
}

Event ImaginedTarget::result_of(const action::ListConnections& list) {
  return event::ConnectionsListed{list.id, {connected_.begin(), connected_.end()}};
}

Event ImaginedTarget::result_of(const action::Probe& probe) {
  using reconciler::ProbeOutcome;
  return event::Probed{probe.id, dials_ == Dials::succeed ? ProbeOutcome::found : ProbeOutcome::no_answer, 1};
}

Event ImaginedTarget::result_of(const action::Inspect& inspection) {
  return event::Inspected{inspection.id, reconciler::InspectOutcome::clear};
}

Event ImaginedTarget::result_of(const action::Dial& dial) {
  if (dials_ == Dials::fail) {
    return event::Dialled{dial.id, reconciler::DialOutcome::refused};
  }
  dialled_.insert(dial.peer);
  connected_.insert(dial.peer);
  return event::Dialled{dial.id, reconciler::DialOutcome::connected};
}

Event ImaginedTarget::result_of(const action::Disconnect& disconnect) {
  disconnected_.insert(disconnect.peer);
  connected_.erase(disconnect.peer);
  return event::Disconnected{disconnect.id, reconciler::DisconnectOutcome::done};
}

}  // namespace rancher_cnode::cli
