// Timers of the event loop. Used by Agent.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>

#include "rancher_cnode/core/timers.hpp"

namespace rancher_cnode::agent {

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
