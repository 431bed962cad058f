// Our connection to one target: connects to the BEAM until it is there, and reports its state in the log and
// in status. Used by Target. On the loop.
//
// A BEAM that refuses us, or closes each connection at once, is retried less and less often, because each
// attempt may write a line into the application's log. Meanwhile its port and our cookie's file are
// checked, which writes nothing: once either changes, the next attempt follows at once. Lost connections are
// logged once per error code until a connection is stable; only then is target_connected logged again.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/cookie_watch.hpp"
#include "agent/reconnect_backoff.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::agent {

class TargetConnection : public std::enable_shared_from_this<TargetConnection> {
 public:
  using State = status::TargetSnapshot::State;

  struct Handlers {
    std::function<void()> up;
    std::function<void()> down;
    std::function<void()> attempt_failed;
  };

  /// `cnode`, `timers`, `cookie` and `log` must outlive stop().
  TargetConnection(boost::asio::any_io_executor loop, distribution::Connections& cnode, Timers& timers,
                   CookieWatch& cookie, const Log& log, NodeName name, Handlers handlers);

  void start();
  /// No handler runs after it. The connection is closed unless another uses it.
  void stop();

  /// Called when the C-node reports the connection.
  void node_up();
  void node_down(const Error& why);
  /// After an external change: connects to an absent BEAM now and resets the backoff, at most once in 5 s.
  /// Does nothing for a BEAM that refuses us or closes each connection at once: the change does not concern
  /// it.
  void retry_now();
  /// The result of the last call over the connection; `error` is empty if it was answered.
  void answered(const std::string& error);

  [[nodiscard]] bool up() const { return phase_ == Phase::unstable || phase_ == Phase::stable; }
  /// Neither connected nor connecting at this moment.
  [[nodiscard]] bool away() const { return !up() && !connecting_; }
  /// The last attempt failed, or the last connection ended early, or the BEAM does not answer.
  [[nodiscard]] bool failing() const;
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }  ///< empty if connected and answering
  [[nodiscard]] const std::string& stage() const { return stage_; }  ///< of the last failed attempt, or empty
  [[nodiscard]] TimePoint since() const { return since_; }           ///< of the connection, or of its absence

 private:
  enum class Phase {
    starting,  ///< absent; no attempt has failed since the start, or since a stable connection ended
    failing,   ///< absent; the last attempt failed, or the last connection ended before it was stable
    refused,   ///< as failing; its process and our cookie are watched until the next attempt
    unstable,  ///< connected for less than ReconnectBackoff::stable_after
    stable,    ///< connected
    stopped,
  };

  [[nodiscard]] bool absent() const { return !up() && phase_ != Phase::stopped; }
  void connect();
  static boost::asio::awaitable<void> attempt(std::shared_ptr<TargetConnection> self);
  void connect_after(Milliseconds delay);
  void retry_after(Milliseconds delay, std::uint16_t port);
  void watch();
  static boost::asio::awaitable<void> check_for_change(std::shared_ptr<TargetConnection> self);
  void port_found(const Expected<std::uint16_t>& port);
  void changed();
  void stabilize_later();
  void stabilize();
  void log_connected();
  void attempt_failed(const distribution::ConnectFailure& failed);
  void log_unresponsive(const std::string& reason) const;

  boost::asio::any_io_executor loop_;
  distribution::Connections& cnode_;
  Timers& timers_;
  CookieWatch& cookie_;
  const Log& log_;
  const NodeName name_;
  Handlers handlers_;
  const Locality locality_;
  distribution::ConnectionUse use_;  ///< from start() to stop()
  ReconnectBackoff backoff_;
  Timers::Pending timer_;   ///< connected: until the connection is stable; else until the next attempt
  TimePoint next_attempt_;  ///< only while refused
  std::uint16_t refused_port_ = 0;    ///< of the process that refuses us; 0 if not known
  std::uint64_t cookie_changes_ = 0;  ///< as of the last attempt
  std::uint64_t attempts_ = 0;
  std::optional<TimePoint> silent_at_;  ///< when it last did not answer; nothing after a forgiven close
  TimePoint connecting_since_;
  TimePoint since_;
  Phase phase_ = Phase::starting;
  State state_ = State::awaited;
  std::string reason_;
  std::string stage_;
  std::string logged_;               ///< the kind of failed attempt that was logged last
  std::set<ErrorCode> logged_ends_;  ///< logged reasons of connections that ended early
  bool connecting_ = false;  ///< an attempt is running; it may end after the connection has come by itself
};

}  // namespace rancher_cnode::agent
