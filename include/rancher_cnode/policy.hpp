// The choices a user has about who belongs and how peers are reached. Settings that the pure rooms take.
#pragma once

namespace rancher_cnode {

/// When a peer that is missing from the metadata has departed.
enum class RemovalPolicy {
  safe,       ///< only by evidence: missing from every good read for a while, own container present
  immediate,  ///< at the first good read without it (libcluster's rule); unknown reads still change nothing
  never,      ///< peers are only ever added
};

/// Which members may be dialled, beside their state.
enum class HealthPolicy {
  any,
  passing,  ///< as Rancher's own DNS: healthy, updating-healthy or no health check
};

/// Whether a peer's epmd is asked for its port before a BEAM dials it.
enum class ProbeMode { off, epmd };

}  // namespace rancher_cnode
