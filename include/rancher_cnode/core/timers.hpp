// The current time and delayed calls, as an interface: agent/loop_timers has the steady clock; unit tests set
// the time by hand. On the loop.
#pragma once

#include <functional>
#include <memory>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode {

class Timers {
 public:
  /// A pending call; destroying it cancels the call.
  using Pending = std::shared_ptr<void>;

  virtual ~Timers() = default;
  [[nodiscard]] virtual TimePoint now() const = 0;
  /// `what` runs once, at `when` or soon after, never from inside this.
  [[nodiscard]] virtual Pending call_at(TimePoint when, std::function<void()> what) = 0;

  [[nodiscard]] Pending call_after(Duration delay, std::function<void()> what) {
    return call_at(now() + delay, std::move(what));
  }
};

}  // namespace rancher_cnode
