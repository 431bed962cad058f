// How long to wait before a BEAM that was not there is looked for again. Pure. Used by TargetLink.
#pragma once

#include <cstdint>

#include "rancher_cnode/clock.hpp"

namespace rancher_cnode::agent {

/// For the BEAM on our own host: often while it boots (50 ms, for 10 s), then less often. `looking_for`: since
/// when it has been looked for.
[[nodiscard]] Milliseconds local_look_delay(Duration looking_for);

/// For a BEAM on another host, after so many looks in a row that failed (at least 1): 100 ms, doubled with
/// each, at most 10 s.
[[nodiscard]] Milliseconds remote_look_delay(std::uint32_t failed_looks);

}  // namespace rancher_cnode::agent
