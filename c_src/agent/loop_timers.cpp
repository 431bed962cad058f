#include "agent/loop_timers.hpp"

#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace rancher_cnode::agent {

Timers::Pending LoopTimers::call_at(TimePoint when, std::function<void()> what) {
  auto timer = std::make_shared<boost::asio::steady_timer>(loop_, when);
  // Not by the error code: the handler may already be queued when the call is cancelled.
  timer->async_wait(
      [pending = std::weak_ptr(timer), what = std::move(what)](const boost::system::error_code&) {
        if (!pending.expired()) {
          what();
        }
      });
  return timer;
}

}  // namespace rancher_cnode::agent
