// The policies that a user can choose for membership and dialling. Used by the pure components.
#pragma once

#include <string>

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

/// What a container's labels must be for it to be a peer.
struct LabelRule {
  enum class Test {
    equal,
    not_equal,  ///< or no such label
    present,
    same,  ///< as that of our own container; no such label if that has none
  };
  std::string key;
  Test test = Test::present;
  std::string value;  ///< of equal and not_equal
  friend bool operator==(const LabelRule&, const LabelRule&) = default;
};

/// How it is found out whether a peer is there before a BEAM dials it: its epmd is asked for its port, or,
/// where there is no epmd, its distribution port is connected to.
enum class ProbeMode { off, epmd, port };

}  // namespace rancher_cnode
