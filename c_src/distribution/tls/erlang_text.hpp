// One Erlang expression as text, as in the file of -ssl_dist_optfile. Used by tls_options. Pure.
//
// erl_scan and erl_eval read any expression; this reads the terms that such a file consists of. What only a
// BEAM can evaluate (a fun, a call) becomes one opaque value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::distribution {

enum class TextTermKind {
  atom,
  number,  ///< its text as written
  string,  ///< "..." or <<"...">>
  tuple,
  list,    ///< the tail of an improper one is its last element
  map,     ///< keys and values in turn
  opaque,  ///< a fun, or a call
};

struct TextTerm {
  TextTermKind kind = TextTermKind::opaque;
  std::string text{};  ///< of an atom, a number or a string, without quotes
  std::vector<TextTerm> elements{};

  [[nodiscard]] bool is_atom(std::string_view name) const {
    return kind == TextTermKind::atom && text == name;
  }
};

inline constexpr std::size_t max_erlang_text = std::size_t{64} << 10U;
inline constexpr std::size_t max_erlang_text_depth = 32;

/// Reads the only expression, which ends with a full stop. ErrorCode::malformed with the line,
/// ErrorCode::too_large for text above max_erlang_text.
[[nodiscard]] Expected<TextTerm> read_erlang_text(std::string_view text);

}  // namespace rancher_cnode::distribution
