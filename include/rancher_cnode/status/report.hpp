// The status of a C-node as another program received it: the term of snapshot_term, read back. Used by the
// commands `status` and `check`, and by the agent for its HTTP listener. Pure.
//
// The schema is docs/status.md. The term is foreign: it may come from another version, or from anybody who
// holds the cookie. What the renderings need must be there with its type; other fields are kept as they are,
// and unknown ones too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/status/snapshot.hpp"
#include "rancher_cnode/status/value.hpp"

namespace rancher_cnode::status {

struct Report {
  struct Service {
    std::string path;
    std::string own_container;
    std::optional<Milliseconds> last_authoritative;  ///< ago
    std::string last_failure;                        ///< empty = none
  };
  struct Metadata {
    std::string url;  ///< empty = unknown; so below
    std::string version;
    std::optional<Milliseconds> last_answer;  ///< ago; so below
    std::optional<Milliseconds> last_authoritative;
    std::string last_failure;
    std::optional<Milliseconds> last_failed;
    std::vector<Service> services;  ///< empty from a version that has only one
  };
  struct Target {
    std::string node;
    std::string state;
    std::string reason;
    std::optional<Milliseconds> since;  ///< ago
    std::uint64_t connected = 0;
  };
  /// Peers and departed peers.
  struct Peer {
    std::string node;
    std::string target;
    std::string state;
    std::string reason;
    std::string service = {};           ///< path; empty if unknown
    std::optional<Milliseconds> since;  ///< ago
    bool dialable = false;
    std::uint64_t attempts = 0;
    std::optional<Milliseconds> next_attempt;  ///< from then on
  };

  std::string node;    ///< empty = not known yet
  std::string awaits;  ///< why; empty = it is known, or the version does not say
  std::string version;
  std::string build;  ///< empty from a version that does not say
  Milliseconds uptime{0};
  std::string registration;
  std::string own_container;
  std::vector<Setting> settings;  ///< empty before the node is there
  Metadata metadata;
  std::vector<Target> targets;
  std::vector<Peer> peers;
  std::vector<Peer> departed;
  Value value;  ///< all of it, as received

  /// ErrorCode::malformed, with what is wrong in words.
  [[nodiscard]] static Expected<Report> read(std::span<const char> term);
};

/// As a caller of this program would read it. ErrorCode::malformed if it is above a limit of Value.
[[nodiscard]] Expected<Report> report_on(const Snapshot& snapshot);

}  // namespace rancher_cnode::status
