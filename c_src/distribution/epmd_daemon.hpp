// Starts an epmd where none runs, and tries again for as long as it is needed. Used by cnode. On the loop.
//
// The program inherits our environment. An ERL_EPMD_ADDRESS there makes epmd listen at those addresses, and
// always at loopback too, which is where we register.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/log.hpp"

namespace rancher_cnode::distribution {

class EpmdDaemon : public std::enable_shared_from_this<EpmdDaemon> {
 public:
  /// `program` is a name on PATH or a path. `log` must outlive the daemon's need.
  EpmdDaemon(boost::asio::io_context& loop, std::string program, std::uint16_t port, const Log& log,
             Milliseconds try_again = Milliseconds(3'000));

  /// No epmd answers: starts one, now and every few seconds, until enough(). An epmd that somebody else
  /// starts meanwhile wins; ours then ends by itself.
  void needed();
  void enough();

 private:
  void start();
  void reap_later(Milliseconds wait);
  void ended(int status);
  void failed(const std::string& reason);
  void start_later();

  std::string program_;
  std::string port_;
  const Log& log_;
  Milliseconds try_again_;
  boost::asio::steady_timer timer_;
  pid_t child_ = 0;  ///< not reaped yet; 0 = none
  std::string last_failure_;
  bool needed_ = false;
  bool announced_ = false;  ///< that one was started, since it is needed
};

}  // namespace rancher_cnode::distribution
