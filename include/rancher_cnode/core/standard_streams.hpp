// Standard streams that were closed by the parent process. Used by main.
#pragma once

namespace rancher_cnode {

/// Opens closed descriptors 0 to 2 on /dev/null. Called first in main: otherwise a file or socket opened
/// later gets such a number, and the log is written to it.
void open_missing_standard_streams();

}  // namespace rancher_cnode
