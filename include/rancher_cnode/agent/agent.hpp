// The composition root: owns the event loop and connects the components; has no policy of its own. Used by
// main. The loop runs on the thread that calls run(); the watcher's thread and the handshake pools only post
// to it.
#pragma once

#include <string>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/host/process_table.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::agent {

/// The file that runs, for status.
struct ProgramFile {
  std::string version;
  std::string build;  ///< how it was made
};

class Agent {
 public:
  /// `log` must outlive the agent.
  Agent(Config config, ProgramFile file, const Log& log, host::ProcessTable processes = host::ProcessTable());

  /// Runs until a shutdown trigger (docs/exit-status.md): SIGTERM, SIGINT, the loss of the terminal, or as
  /// configured the end of the watched process, of the BEAM, of standard input or of the initial sync.
  /// Returns the exit status. Failures of metadata, epmd or a BEAM do not end it; a lack of descriptors,
  /// threads or memory does, by an exception.
  [[nodiscard]] int run();

 private:
  class Life;
  Config config_;
  ProgramFile file_;
  const Log& log_;
  host::ProcessTable processes_;
};

}  // namespace rancher_cnode::agent
