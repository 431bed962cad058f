// An imagined BEAM that does at once whatever its reconciler asks for. It shows which peers would be dialled
// and disconnected. Pure. Used by cli/plan/plan.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::cli {

/// Whether the peers can be dialled, or only the list of connections is taken.
enum class Dials { fail, succeed };

class ImaginedTarget {
 public:
  ImaginedTarget(const reconciler::ReconcilerSettings& settings, const std::vector<NodeName>& connected)
      : reconciler_(settings), connected_(connected.begin(), connected.end()) {}

  /// From `now` on, which must not go back, for so long.
  void run(TimePoint now, const std::shared_ptr<const membership::Desired>& desired, Milliseconds duration,
           Dials dials);

  [[nodiscard]] const std::set<NodeName>& dialled() const { return dialled_; }
  [[nodiscard]] const std::set<NodeName>& disconnected() const { return disconnected_; }
  /// Why it was not dialled, in words; may be empty.
  [[nodiscard]] std::string reason_of(const NodeName& node) const;

 private:
  void take(reconciler::Step step);
  reconciler::Event result_of(const reconciler::action::ListConnections& list);
  reconciler::Event result_of(const reconciler::action::Probe& probe);
  reconciler::Event result_of(const reconciler::action::Inspect& inspection);
  reconciler::Event result_of(const reconciler::action::Dial& dial);
  reconciler::Event result_of(const reconciler::action::Disconnect& disconnect);

  reconciler::Reconciler reconciler_;
  bool up_ = false;
  Dials dials_ = Dials::succeed;
  std::set<NodeName> connected_;
  std::set<NodeName> dialled_;
  std::set<NodeName> disconnected_;
  std::deque<reconciler::Action> actions_;
};

}  // namespace rancher_cnode::cli
