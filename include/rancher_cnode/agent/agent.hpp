// The hall: owns the event loop, carries each wing's output to the next one, and holds no policy of its own.
// Used by main. The loop is the thread that calls run(); the watcher's thread and the handshake pools only
// hand over.
#pragma once

#include <memory>
#include <string>

#include "rancher_cnode/config.hpp"
#include "rancher_cnode/log.hpp"

namespace rancher_cnode::agent {

class Agent {
 public:
  /// `version` is the program's, as it tells those who ask. `log` must outlive the agent.
  Agent(Config config, std::string version, const Log& log);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  /// Runs until SIGTERM, SIGINT, SIGHUP, the end of the watched process, of standard input, or of the first round,
  /// as configured. Returns the exit status. Nothing that metadata, epmd or a BEAM does ends it; descriptors,
  /// threads or memory that the system refuses do, by an exception.
  [[nodiscard]] int run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rancher_cnode::agent
