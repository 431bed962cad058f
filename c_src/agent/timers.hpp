// Time for those who drive and answer others: what it is now, and calls that come later. Used by TargetLink, Target,
// StatusServer and Endings; units set the time by hand. On the loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "rancher_cnode/clock.hpp"

namespace rancher_cnode::agent {

class Timers {
 public:
  /// A call that is to come; without this it does not.
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
