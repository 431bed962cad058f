// A clock that stands still until a case moves it, and the calls that come due then.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "rancher_cnode/core/timers.hpp"

namespace rancher_cnode::agent::test {

class FakeTimers final : public Timers {
 public:
  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] Pending call_at(TimePoint when, std::function<void()> what) override {
    const auto pending = std::make_shared<std::function<void()>>(std::move(what));
    calls_.emplace(when, pending);
    return pending;
  }

  /// Time passes; what comes due meanwhile is called in its order.
  void advance(Milliseconds by) {
    const TimePoint end = now_ + by;
    int calls = 0;
    while (!calls_.empty() && calls_.begin()->first <= end) {
      REQUIRE_MESSAGE(++calls < 10'000, "calls come without a pause");
      const auto [when, pending] = *calls_.begin();
      calls_.erase(calls_.begin());
      now_ = std::max(now_, when);
      if (const auto what = pending.lock()) {
        // A copy, since the call may drop the one that is pending.
        const auto run = *what;
        run();
      }
    }
    now_ = end;
  }

  /// True if no call is to come.
  [[nodiscard]] bool idle() const {
    return std::ranges::all_of(calls_, [](const auto& call) { return call.second.expired(); });
  }

  /// Time passes while the loop is busy: what is due is not called yet.
  void pass_without_calls(Milliseconds time) { now_ += time; }

 private:
  TimePoint now_{};
  std::multimap<TimePoint, std::weak_ptr<std::function<void()>>> calls_;
};

}  // namespace rancher_cnode::agent::test
