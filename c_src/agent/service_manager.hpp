// Reports to a service manager by the protocol of sd_notify(3). Used by the agent. Never blocks: what the
// manager does not take at once is lost.
#pragma once

#include <string>
#include <string_view>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/status/report.hpp"

namespace rancher_cnode::agent {

class ServiceManager {
 public:
  explicit ServiceManager(const Config& config);

  /// Whether there is one: config.notify_socket is set.
  [[nodiscard]] bool is_there() const { return !socket_.empty(); }
  /// How often alive() is to be called: each second, or twice in the manager's own limit.
  [[nodiscard]] Milliseconds interval() const;

  void alive() const;                         ///< WATCHDOG=1, if the manager asks for that
  void ready();                               ///< READY=1, the first time
  void status(const status::Report& report);  ///< STATUS=, its verdict in one line, if it has changed
  void stopping() const;                      ///< STOPPING=1

 private:
  void send(std::string_view text) const;

  std::string socket_;
  std::optional<Milliseconds> watchdog_;
  std::string sent_status_;
  bool ready_ = false;
};

}  // namespace rancher_cnode::agent
