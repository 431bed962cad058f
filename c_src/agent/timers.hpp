// The current time and delayed calls. Used by TargetConnection, Target, StatusServer and ShutdownTriggers; unit tests set
// the time by hand. On the loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "rancher_cnode/clock.hpp"

namespace rancher_cnode::agent {

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

/// The steady clock.
class LoopTimers final : public Timers {
 public:
  /// `loop` must outlive this and what it returns.
  explicit LoopTimers(boost::asio::io_context& loop) : loop_(loop) {}
  [[nodiscard]] TimePoint now() const override { return Clock::now(); }
  [[nodiscard]] Pending call_at(TimePoint when, std::function<void()> what) override;

 private:
  boost::asio::io_context& loop_;
};

}  // namespace rancher_cnode::agent
