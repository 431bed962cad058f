// The members of each service as they were known last, in a file: for a C-node that starts while the metadata
// cannot be read. Used by the agent. Blocks as the disk does.
//
// The file is one JSON object: {"format": 1, "saved_unix_ms": N, "services": [{"path": "self/service",
// "node_basename": "myapp", "members": ["10.42.0.2", ...]}]}. It contains no secret.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::metadata {

struct StoredService {
  std::string path;
  std::string node_basename;
  std::vector<Ipv4Address> members;
  friend bool operator==(const StoredService&, const StoredService&) = default;
};

struct StoredMembers {
  Milliseconds saved_unix{0};  ///< after 1970-01-01 UTC
  std::vector<StoredService> services;
  friend bool operator==(const StoredMembers&, const StoredMembers&) = default;
};

/// One line.
[[nodiscard]] std::string as_text(const StoredMembers& members);

/// ErrorCode::malformed with what is wrong: every field must be there with its type, and every address be
/// that of a host.
[[nodiscard]] Expected<StoredMembers> parse_stored_members(std::string_view text);

/// `path` is absolute. ErrorCode::not_found if there is no such file; malformed as above; too_large above 16
/// MiB; failed if it is not a regular file or cannot be read.
[[nodiscard]] Expected<StoredMembers> read_stored_members(const std::string& path);

/// The file is replaced whole or not at all, also if the machine stops meanwhile. ErrorCode::failed with the
/// reason.
[[nodiscard]] Expected<void> write_stored_members(const std::string& path, const StoredMembers& members);

}  // namespace rancher_cnode::metadata
