// The BEAMs that this node drives: the one on its own address, or every peer of the service (--targets all).
// Used by the agent. On the loop.
//
// Of all targets, a departed one is driven only while it is connected to us, for then it may still have to be
// disconnected from the others.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "cookie_watch.hpp"
#include "rancher_cnode/config.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/error.hpp"
#include "rancher_cnode/log.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/node_name.hpp"
#include "rancher_cnode/status/snapshot.hpp"
#include "target.hpp"
#include "timers.hpp"
#include "what_is_missing.hpp"

namespace rancher_cnode::agent {

class Targets {
 public:
  /// `cnode`, `timers`, `config` and `log` must outlive stop(). `changed` is called whenever the first round may have
  /// become done; it must not call back at once.
  Targets(boost::asio::io_context& loop, distribution::Connections& cnode, Timers& timers,
          const Config& config, const Log& log, std::function<void()> changed);

  /// Begins to drive the BEAM on our own address, unless all are driven.
  void start();
  /// Nothing runs after it.
  void stop();

  /// To be called after every good read, so that the first one is known as such also if it names nobody.
  void share(const std::shared_ptr<const membership::Desired>& desired);
  void tell_news();
  void link_up(const NodeName& node);
  void link_down(const NodeName& node, const Error& why);

  /// The metadata was read well once, and each target is linked and has linked or tried every peer. Of all
  /// targets, those that cannot be linked or do not answer have had their try, and departed ones do not count.
  [[nodiscard]] bool first_round_done() const;

  /// The targets for which it is not done.
  [[nodiscard]] Unfinished unfinished() const;

  /// With all targets the lists hold only the peers that a target is not linked to and the departed peers that it
  /// still is connected to: whole, they would grow with the square of the service.
  [[nodiscard]] std::vector<status::TargetSnapshot> snapshots() const;

 private:
  void add(const NodeName& name);
  void drive_all();
  void target_changed(const NodeName& name);
  void forget_departed(const NodeName& name);
  [[nodiscard]] bool has_gone(const NodeName& name, const Target& target) const;
  [[nodiscard]] bool done(const NodeName& name, const Target& target) const;

  boost::asio::io_context& loop_;
  distribution::Connections& cnode_;
  Timers& timers_;
  const Config& config_;
  CookieWatch cookie_;
  const Log& log_;
  const bool all_;
  std::function<void()> changed_;
  std::shared_ptr<const membership::Desired> desired_;  ///< null before the first good read
  std::map<NodeName, std::shared_ptr<Target>> targets_;
  bool stopped_ = false;
};

}  // namespace rancher_cnode::agent
