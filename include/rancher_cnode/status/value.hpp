// A term that another program sent, as a tree. The terms of the status schema (docs/status.md) fit into it.
// Pure.
//
// The term is foreign: it may come from another version, or from anybody who holds the cookie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

  /// Reads one whole term. ErrorCode::malformed for any other kind of term, above a limit, or if bytes
  /// follow.
  [[nodiscard]] static Expected<Value> read(std::span<const char> term);

  /// The field of a map; null if there is none, or it is not a map.
  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] bool is_atom(std::string_view name) const { return kind == Kind::atom && text == name; }
};

}  // namespace rancher_cnode::status
