// What this process uses. Used for status.
#pragma once

#include <cstdint>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode {

/// 0 = unknown, except for cpu.
struct ProcessUsage {
  std::uint64_t resident_bytes = 0;
  Milliseconds cpu{0};  ///< user and system, of all threads
  std::uint64_t descriptors = 0;
  std::uint64_t threads = 0;
};

/// By getrusage(2) and /proc/self (proc(5)).
[[nodiscard]] ProcessUsage own_process_usage();

}  // namespace rancher_cnode
