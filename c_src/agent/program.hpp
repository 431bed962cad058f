// The running program: what stays the same over all lives of the C-node. Used by Agent and Node.
#pragma once

#include "rancher_cnode/agent/agent.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/status/snapshot.hpp"

namespace rancher_cnode::agent {

struct Program {
  ProgramFile file;
  TimePoint started;
  Milliseconds started_unix{0};  ///< after 1970-01-01 UTC

  /// Of it alone, without a node.
  [[nodiscard]] status::Snapshot snapshot(TimePoint now) const {
    return {.now = now,
            .started = started,
            .node = {},
            .program_version = file.version,
            .program_build = file.build,
            .node_counters = {},
            .metadata = {},
            .member_views = {},
            .targets = {},
            .started_unix = started_unix,
            .process = own_process_usage()};
  }
};

}  // namespace rancher_cnode::agent
