// One BEAM that this node drives: carries its reconciler's actions to it and the answers back. Used by
// Targets, one object a target. On the loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "agent/connection_log.hpp"
#include "agent/target_connection.hpp"
#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::agent {

class Target : public std::enable_shared_from_this<Target> {
 public:
  /// `cnode`, `timers`, `config`, `cookie`, `durations` and `log` must outlive stop(). `changed` is called
  /// after every step and every failed connection attempt.
  Target(boost::asio::any_io_executor loop, distribution::Connections& cnode, Timers& timers,
         const Config& config, CookieWatch& cookie, status::Durations& durations, const Log& log,
         NodeName name, std::function<void()> changed);

  void start();
  /// Nothing runs after it.
  void stop();

  void node_up() { connection_->node_up(); }
  void node_down(const Error& why) { connection_->node_down(why); }
  void desired_changed(const std::shared_ptr<const membership::Desired>& desired);
  void on_external_change();

  [[nodiscard]] bool has_synced() const { return reconciler_.has_synced(); }
  /// It is not there, or does not answer: no round will be done soon.
  [[nodiscard]] bool failing() const { return connection_->failing(); }
  [[nodiscard]] bool responsive() const {
    return connection_->state() == status::TargetSnapshot::State::connected;
  }
  /// Neither connected nor connecting at this moment.
  [[nodiscard]] bool away() const { return connection_->away(); }
  [[nodiscard]] status::TargetSnapshot snapshot(
      reconciler::PeerScope scope = reconciler::PeerScope::all) const;

 private:
  void step(const reconciler::Event& event);
  static boost::asio::awaitable<void> execute(std::shared_ptr<Target> self,
                                              reconciler::action::ListConnections list);
  static boost::asio::awaitable<void> execute(std::shared_ptr<Target> self, reconciler::action::Probe probe);
  static boost::asio::awaitable<void> execute(std::shared_ptr<Target> self,
                                              reconciler::action::Inspect inspection);
  static boost::asio::awaitable<void> execute(std::shared_ptr<Target> self, reconciler::action::Dial dial);
  static boost::asio::awaitable<void> execute(std::shared_ptr<Target> self,
                                              reconciler::action::Disconnect action);
  [[nodiscard]] bool is_of_cluster(const NodeName& node) const;
  void listed(reconciler::ActionId id, const distribution::CallResult& result);
  void wake_later();

  boost::asio::any_io_executor loop_;
  distribution::Connections& cnode_;
  Timers& timers_;
  const Config& config_;
  status::Durations& durations_;
  const NodeName name_;
  std::shared_ptr<const membership::Desired> desired_ = std::make_shared<const membership::Desired>();
  ConnectionLog connection_log_;
  std::shared_ptr<TargetConnection> connection_;
  reconciler::Reconciler reconciler_;
  Timers::Pending wake_;
  std::function<void()> changed_;
  std::uint32_t failed_lists_ = 0;  ///< in a row
  bool stopped_ = false;
};

}  // namespace rancher_cnode::agent
