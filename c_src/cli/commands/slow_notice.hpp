// One line to whoever waits at a terminal for longer than a second. Used by the commands that ask others.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::cli {

class SlowNotice {
 public:
  static constexpr Milliseconds patience{1'000};

  /// Writes "<text>, for up to <limit>" to the descriptor, if that is a terminal, unless destroyed before.
  SlowNotice(int descriptor, const std::string& text, Milliseconds limit, Milliseconds after = patience);
  /// Ends its thread, at once.
  ~SlowNotice() = default;
  SlowNotice(const SlowNotice&) = delete;
  SlowNotice& operator=(const SlowNotice&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable_any ended_;
  std::jthread thread_;
};

}  // namespace rancher_cnode::cli
