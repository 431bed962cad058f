#include "cli/commands/slow_notice.hpp"

#include <unistd.h>

#include <stop_token>

#include "rancher_cnode/config/rules.hpp"

namespace rancher_cnode::cli {

SlowNotice::SlowNotice(int descriptor, const std::string& text, Milliseconds limit, Milliseconds after) {
  if (::isatty(descriptor) != 1) {
    return;
  }
  const std::string line = text + ", for up to " + config::duration_text(limit) + "\n";
  thread_ = std::jthread([this, descriptor, line, after](const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, stop, after, [] { return false; });
    if (!stop.stop_requested()) {
      [[maybe_unused]] const auto written = ::write(descriptor, line.data(), line.size());
    }
  });
}

}  // namespace rancher_cnode::cli
