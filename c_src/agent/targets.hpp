// The targets: the BEAM on our own address, or every peer of the service (--targets all). Used by the agent.
// On the loop.
//
// With --targets all, a departed target is kept only while it is connected to us: it may still have to be
// disconnected from the others.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agent/cookie_watch.hpp"
#include "agent/target.hpp"
#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/status/readiness_report.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::agent {

class Targets {
 public:
  /// `cnode`, `timers`, `config` and `log` must outlive stop(). `beam` is the target unless all are.
  /// `changed` is called whenever the initial sync may have become done; it must not call back directly.
  Targets(boost::asio::any_io_executor loop, distribution::Connections& cnode, Timers& timers,
          const Config& config, NodeName beam, const Log& log, std::function<void()> changed);

  /// Adds our own BEAM, unless all are targets.
  void start();
  /// Nothing runs after it.
  void stop();

  /// To be called after every successful read, also the first one without peers.
  void share(const std::shared_ptr<const membership::Desired>& desired);
  void on_external_change();
  /// That of the BEAM, unless one is set.
  void use_cookie(const Cookie& cookie);
  void node_up(const NodeName& node);
  void node_down(const NodeName& node, const Error& why);

  /// The metadata was read once, and each target is connected and has tried every peer at least once. With
  /// --targets all, targets that cannot be connected or do not answer count as tried, and departed ones do
  /// not count.
  [[nodiscard]] bool has_synced() const;

  /// The targets whose initial sync is not done.
  [[nodiscard]] status::UnsyncedTargets unsynced() const;

  /// A target that is connected and answers; with --targets all the first one.
  [[nodiscard]] std::optional<NodeName> responsive() const;

  /// With --targets all, the lists contain only the peers that a target is not connected to and the departed
  /// peers that it is still connected to: full lists would grow with the square of the service.
  [[nodiscard]] std::vector<status::TargetSnapshot> snapshots() const;
  [[nodiscard]] const status::Durations& durations() const { return durations_; }

 private:
  void add(const NodeName& name);
  void sync_targets();
  void target_changed(const NodeName& name);
  void forget_departed(const NodeName& name);
  void drop(const NodeName& name, Target& target) const;
  [[nodiscard]] bool is_obsolete(const NodeName& name, const Target& target) const;
  [[nodiscard]] bool is_synced(const NodeName& name, const Target& target) const;

  boost::asio::any_io_executor loop_;
  distribution::Connections& cnode_;
  Timers& timers_;
  const Config& config_;
  const NodeName beam_;
  CookieWatch cookie_;
  status::Durations durations_;
  const Log& log_;
  const bool all_;
  std::function<void()> changed_;
  std::shared_ptr<const membership::Desired> desired_;  ///< null before the first successful read
  std::map<NodeName, std::shared_ptr<Target>> targets_;
  bool stopped_ = false;
};

}  // namespace rancher_cnode::agent
