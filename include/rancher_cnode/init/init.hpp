// The process that starts and ends everything else in a container, as `docker run --init` does, plus the
// C-node. Used by cli/commands/exec. It knows little more than process numbers, so that nothing in it can
// fail for long.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::init {

/// What the preparation found.
struct Prepared {
  std::vector<std::string> variables;  ///< NAME=VALUE, for the environment of the command and the C-node
  bool needs_cnode = true;             ///< false where a BEAM runs already, which has its own
};

struct Plan {
  std::vector<std::string> command;  ///< program (looked up on PATH) and arguments; not empty
  std::vector<std::string> cnode;    ///< arguments of this program, its name first, that run the C-node
  /// Called in a child before the command starts, because it may block. Returns 0, or the exit status after
  /// it reported why.
  std::function<int(Prepared&)> prepare;
  /// Called in the child that becomes the next C-node after `delay`: reports the end of the last one, whose
  /// status is given as a shell has it.
  std::function<void(int status, Milliseconds delay)> report_death;
  /// Reports that a process could not be started. Must not block. Here where the system has no more
  /// processes, otherwise in the child.
  std::function<void(const std::string& process, const std::string& reason)> report_failure;
};

/// Runs the plan and returns the exit status: of the command (128 + n if signal n ended it; 127 or 126 if it
/// could not be started), or of a preparation that failed.
///
/// * The command has our standard streams, signal mask and process group, so a terminal reaches it directly.
///   The C-node has a session of its own, and writes only to standard error.
/// * A signal that a process sends us is forwarded to the command, if the command handles it or it is
///   TERM, INT, HUP or QUIT. What a terminal sends, or a shell that continues a job, reaches the command by
///   itself.
/// * Orphans are reaped, also if we are not process 1.
/// * A C-node that ends with a status other than 0 is started again: after 1 s, then twice as long, up to a
///   minute.
/// * When the command ends, so does the C-node. A daemon that a successful command left behind gets a C-node
///   of its own (--exit-with-beam); if we are process 1, whose end kills it, it gets a SIGTERM and 5 s
///   instead.
///
/// Blocks. Only for a process with one thread. Memory is allocated before the command starts, and not after,
/// but for a report.
[[nodiscard]] int run(const Plan& plan);

}  // namespace rancher_cnode::init
