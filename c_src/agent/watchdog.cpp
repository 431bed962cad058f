#include "agent/watchdog.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace rancher_cnode::agent {

Watchdog::Watchdog(boost::asio::io_context& loop, Timing timing, std::function<void()> stalled)
    : loop_(loop), timing_(timing), stalled_(std::move(stalled)), thread_([this]() { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Watchdog::watch() {
  int missed = 0;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, timing_.tick, [this]() { return stopped_; })) {
    if (turned_->exchange(false)) {
      missed = 0;
      boost::asio::post(loop_, [turned = turned_]() { *turned = true; });
    } else if (++missed >= timing_.missed_ticks) {
      lock.unlock();
      stalled_();
      return;
    }
  }
}

}  // namespace rancher_cnode::agent
