// The policies that a user can choose for membership and dialling. Used by the pure components.
#pragma once

namespace rancher_cnode {

/// When a peer that is missing from the metadata has departed.
enum class RemovalPolicy {
  safe,       ///< only by evidence: missing from every authoritative read for a while
  immediate,  ///< at the first authoritative read without it (libcluster's rule); failed reads change nothing
  never,      ///< peers are only ever added
};

/// Which members may be dialled, beside their state.
enum class HealthPolicy {
  any,
  passing,  ///< as in Rancher's DNS: healthy, updating-healthy or no health check
};

/// Whether a peer's epmd is asked for its port before a BEAM dials it.
enum class ProbeMode { off, epmd };

}  // namespace rancher_cnode
