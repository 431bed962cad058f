// The status of a C-node as another program received it: the term of snapshot_term, read back. Used by the commands `status`
// and `check`. Pure.
//
// The schema is docs/status.md. The term is foreign: it may come from another version, or from anybody who holds the cookie.
// What the renderings need must be there with its type; other fields are kept as they are, and unknown ones too.
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

namespace rancher_cnode::status {

/// A term of the schema: an atom, an integer, a binary, a list or a map whose keys are atoms.
struct Value {
  enum class Kind { atom, integer, text, list, map };

  static constexpr std::size_t max_values = 1'000'000;  ///< in one term, itself included
  static constexpr int max_depth = 8;
  static constexpr std::uint32_t max_keys = 100;  ///< of one map

  Kind kind = Kind::atom;
  std::string text;  ///< of an atom or a binary: any bytes
  std::int64_t integer = 0;
  std::vector<std::string> keys;  ///< of a map, one for each item
  std::vector<Value> items;       ///< of a list or a map

  /// Reads one whole term. ErrorCode::malformed for any other kind of term, above a limit, or if bytes follow.
  [[nodiscard]] static Expected<Value> read(std::span<const char> term);

  /// The field of a map; null if there is none, or it is no map.
  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] bool is_atom(std::string_view name) const { return kind == Kind::atom && text == name; }
};

struct Report {
  struct Metadata {
    std::string url;  ///< empty = unknown; so below
    std::string version;
    std::optional<Milliseconds> last_authoritative;  ///< ago
    std::string last_failure;
    std::optional<Milliseconds> last_failed;  ///< ago
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
    std::optional<Milliseconds> since;  ///< ago
    bool dialable = false;
    std::uint64_t attempts = 0;
    std::optional<Milliseconds> next_attempt;  ///< from then on
  };

  std::string node;
  std::string version;
  Milliseconds uptime{0};
  std::string registration;
  std::string own_container;
  Metadata metadata;
  std::vector<Target> targets;
  std::vector<Peer> peers;
  std::vector<Peer> departed;
  Value value;  ///< all of it, as received

  /// ErrorCode::malformed, with what is wrong in words.
  [[nodiscard]] static Expected<Report> read(std::span<const char> term);
};

}  // namespace rancher_cnode::status
