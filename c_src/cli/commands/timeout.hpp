// What --timeout means. Used by the commands.
#pragma once

#include <chrono>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::cli {

/// 0 stands for no limit, which is taken as a day.
constexpr Milliseconds limit_of(Milliseconds timeout) {
  return timeout == Milliseconds::zero() ? std::chrono::hours(24) : timeout;
}

}  // namespace rancher_cnode::cli
