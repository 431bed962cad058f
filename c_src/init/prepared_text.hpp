// What a child prepared, as bytes for a pipe. Used by init only.
#pragma once

#include "rancher_cnode/init/init.hpp"

namespace rancher_cnode::init {

/// Writes it whole, or returns false: also if it does not fit into a pipe that nobody reads yet.
[[nodiscard]] bool write_prepared(int descriptor, const Prepared& prepared);

/// Reads to the end.
[[nodiscard]] Prepared read_prepared(int descriptor);

}  // namespace rancher_cnode::init
