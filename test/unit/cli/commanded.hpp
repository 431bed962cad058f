// What cases of commands share that ask a node.
#pragma once

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli::test {

/// Ample for what is answered in milliseconds, also on a busy machine.
inline constexpr Milliseconds long_enough{20'000};

inline const Log& silent_log() {
  static const Log log(LogLevel::error, LogFormat::text, -1);
  return log;
}

}  // namespace rancher_cnode::cli::test
