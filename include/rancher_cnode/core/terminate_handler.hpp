// The terminate handler, for a lack of descriptors, threads or memory. Used by main.
#pragma once

namespace rancher_cnode {

/// From now on an uncaught exception on any thread results in one line on standard error and exit status 1.
void install_terminate_handler();

}  // namespace rancher_cnode
