// One BEAM that this node drives: looks for it, holds the link, and carries its reconciler's actions to it
// and the answers back. Used by the agent, one object a target. On the loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "link_log.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/config.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/log.hpp"
#include "rancher_cnode/membership/reconciler.hpp"
#include "rancher_cnode/node_name.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::agent {

class Target : public std::enable_shared_from_this<Target> {
 public:
  /// `cnode`, `config` and `log` must outlive stop().
  Target(boost::asio::io_context& loop, distribution::CNode& cnode, const Config& config, const Log& log,
         NodeName name);

  void start();
  /// Nothing runs after it.
  void stop();

  void link_up();
  void link_down(const Error& why);
  void desired_changed(const std::shared_ptr<const membership::Desired>& desired);
  void news();

  [[nodiscard]] const membership::Reconciler& reconciler() const { return reconciler_; }
  [[nodiscard]] status::TargetSnapshot snapshot() const;

  /// Called after every step, so that the agent can look at the whole.
  std::function<void()> stepped;

 private:
  void look();
  void look_later();
  void not_found(const distribution::ConnectFailure& failed);
  void step(const membership::Event& event);
  void act(const membership::Action& action);
  void carry_out(const membership::action::ListLinks& list);
  void carry_out(const membership::action::Probe& probe);
  void carry_out(const membership::action::Dial& dial);
  void carry_out(const membership::action::Leave& leave);
  void listed(membership::ActionId id, const distribution::CallResult& result);
  void dialled(const membership::action::Dial& dial, TimePoint began, const distribution::CallResult& result);
  void set_responding(const std::string& trouble);
  void wake_later();

  boost::asio::io_context& loop_;
  distribution::CNode& cnode_;
  const Config& config_;
  const Log& log_;
  const NodeName name_;
  LinkLog link_log_;
  const bool local_;
  membership::Reconciler reconciler_;
  boost::asio::steady_timer wake_;
  boost::asio::steady_timer look_timer_;
  TimePoint looking_since_;
  TimePoint since_;
  Milliseconds look_delay_;
  std::string reason_;
  bool looking_ = false;
  bool up_ = false;
  bool responding_ = true;
  bool stopped_ = false;
};

}  // namespace rancher_cnode::agent
