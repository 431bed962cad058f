// A watcher's clock that stands still until a case lets one of its pauses pass.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "rancher_cnode/metadata/watch_clock.hpp"

namespace rancher_cnode::testing {

class FakeWatchClock final : public metadata::WatchClock {
 public:
  [[nodiscard]] TimePoint now() const override {
    const std::scoped_lock own(mutex_);
    return now_;
  }
  void pause(std::unique_lock<std::mutex>& lock, std::condition_variable& wake, Duration duration,
             const std::function<bool()>& ended) override {
    if (duration <= Duration::zero()) {
      return;
    }
    {
      const std::scoped_lock own(mutex_);
      pause_ = {lock.mutex(), &wake, duration};
    }
    changed_.notify_all();
    wake.wait(lock, [&] { return ended() || passed(); });
    const std::scoped_lock own(mutex_);
    pause_.reset();
  }

  /// Lets the next pause pass, or the one that the watcher is in, and returns its length; fails the test
  /// after 10 s without a pause.
  Milliseconds pass_pause() {
    std::unique_lock own(mutex_);
    const bool paused =
        changed_.wait_for(own, std::chrono::seconds(10), [this] { return pause_ && !pause_->passed; });
    REQUIRE_MESSAGE(paused, "no pause within 10 s");
    pause_->passed = true;
    now_ += pause_->duration;
    const Pause pause = *pause_;
    own.unlock();
    // The watcher has asked already and waits, or asks after this.
    static_cast<void>(std::scoped_lock(*pause.handing_over));
    pause.wake->notify_all();
    return std::chrono::duration_cast<Milliseconds>(pause.duration);
  }

  /// Time passes while the watcher waits for an answer.
  void advance(Milliseconds by) {
    const std::scoped_lock own(mutex_);
    now_ += by;
  }

 private:
  struct Pause {
    std::mutex* handing_over;
    std::condition_variable* wake;
    Duration duration;
    bool passed = false;
  };

  [[nodiscard]] bool passed() const {
    const std::scoped_lock own(mutex_);
    return pause_->passed;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  TimePoint now_{std::chrono::hours(1)};
  std::optional<Pause> pause_;
};

}  // namespace rancher_cnode::testing
