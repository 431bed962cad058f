// Starts an epmd if none runs, and retries until stop_trying(). Used by cnode. On the loop.
//
// The program inherits our environment. With ERL_EPMD_ADDRESS epmd listens on those addresses, and always on
// loopback, where we register.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "rancher_cnode/core/backoff.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::distribution {

class EpmdDaemon : public std::enable_shared_from_this<EpmdDaemon> {
 public:
  /// `program` is a name on PATH or a path. `log` must outlive the last start.
  EpmdDaemon(boost::asio::io_context& loop, std::string program, std::uint16_t port, const Log& log,
             Milliseconds retry_delay = Milliseconds(3'000));

  /// Starts an epmd, now and every few seconds, until stop_trying(). If another epmd is started meanwhile,
  /// ours ends by itself.
  void ensure_running();
  void stop_trying();

 private:
  void start();
  void reap_later();
  void ended(int status);
  void failed(const std::string& reason);
  void start_later();

  std::string program_;
  std::string port_;
  const Log& log_;
  Milliseconds retry_delay_;
  boost::asio::steady_timer timer_;
  /// How often the started program is checked. `epmd -daemon` exits at once and continues in the background;
  /// a program that stays in the foreground is checked less and less often.
  Backoff checks_{Milliseconds(50), Milliseconds(5'000)};
  pid_t child_ = 0;  ///< not reaped yet; 0 = none
  std::string last_failure_;
  bool wanted_ = false;
  bool announced_ = false;  ///< epmd_started was logged since ensure_running()
};

}  // namespace rancher_cnode::distribution
