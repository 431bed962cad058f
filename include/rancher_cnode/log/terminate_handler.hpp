// The terminate handler, for a lack of descriptors, threads or memory. Used by main.
#pragma once

#include "rancher_cnode/log/logged_event.hpp"

namespace rancher_cnode {

/// From now on an uncaught exception on any thread results in one line on standard error and exit status 1.
/// Replaces the one before.
void install_terminate_handler(LogFormat format);

}  // namespace rancher_cnode
