// Notices that the loop no longer turns. A node that hangs still holds its connections and its name: until a BEAM
// misses its ticks (net_ticktime, 60 s), whoever calls it without a limit, as net_adm:ping/1 does, waits. Used by the
// agent. On a thread of its own.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "rancher_cnode/clock.hpp"

namespace rancher_cnode::agent {

class Watchdog {
 public:
  /// By default 30 s: less than the default net_ticktime, and more than any work of the loop takes.
  struct Timing {
    Milliseconds tick{5'000};
    int missed_ticks = 6;  ///< so many in a row without a turn of the loop
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
  /// Set by the loop; shared with what is posted there, which may outlive us.
  const std::shared_ptr<std::atomic<bool>> turned_ = std::make_shared<std::atomic<bool>>(true);
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace rancher_cnode::agent
