// The current time and pauses of a MetadataWatcher. Unit tests set the time by hand. On the watcher's thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::metadata {

class WatchClock {
 public:
  virtual ~WatchClock() = default;
  [[nodiscard]] virtual TimePoint now() const { return Clock::now(); }
  /// Returns after `duration`, or as soon as `ended` holds: it is asked under `lock` whenever `wake` is
  /// notified.
  virtual void pause(std::unique_lock<std::mutex>& lock, std::condition_variable& wake, Duration duration,
                     const std::function<bool()>& ended) {
    wake.wait_for(lock, duration, ended);
  }
};

}  // namespace rancher_cnode::metadata
