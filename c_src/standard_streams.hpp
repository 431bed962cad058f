// Standard streams that the starter has closed. Used by main.
#pragma once

namespace rancher_cnode {

/// Opens the descriptors 0 to 2 that are closed on /dev/null, first thing in main: a file or socket that is
/// opened later would get such a number, and what is written to that stream, the log, with it.
void open_missing_standard_streams();

}  // namespace rancher_cnode
