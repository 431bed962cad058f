// What is said where the program cannot go on: the system refused a descriptor, a thread, memory. Used by main.
#pragma once

namespace rancher_cnode {

/// From now on an exception that nobody catches, on any thread, is one line on standard error and exit status 1.
void end_in_one_line_on_exceptions();

}  // namespace rancher_cnode
