// The one clock for intervals. Wall-clock time appears only in log lines.
// Pure components (membership) do not read it: they take a TimePoint as an argument.
#pragma once

#include <chrono>

namespace rancher_cnode {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;
using Milliseconds = std::chrono::milliseconds;

}  // namespace rancher_cnode
