// Detects a stalled event loop. A node that hangs keeps its connections and its name: until a BEAM misses its
// ticks (net_ticktime, 60 s), calls to it without a timeout, such as net_adm:ping/1, block. Used by the
// agent. On its own thread.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::agent {

class Watchdog {
 public:
  /// By default 30 s: less than the default net_ticktime, and longer than any work of the loop.
  struct Timing {
    Milliseconds tick{5'000};
    int missed_ticks = 6;  ///< this many in a row without a turn of the loop
  };

  /// `stalled` runs once, on the watchdog's thread. Time is counted in ticks: while the process is stopped or
  /// its host suspended, there are none.
  Watchdog(boost::asio::io_context& loop, Timing timing, std::function<void()> stalled);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void watch();

  boost::asio::io_context& loop_;
  const Timing timing_;
  const std::function<void()> stalled_;
  /// Set by the loop; shared with the posted handler, which may outlive this object.
  const std::shared_ptr<std::atomic<bool>> turned_ = std::make_shared<std::atomic<bool>>(true);
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace rancher_cnode::agent
