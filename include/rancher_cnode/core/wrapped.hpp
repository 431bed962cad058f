// Lines for a terminal: how wide they are, and where they break. Used by the tables. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rancher_cnode {

/// Columns of printable UTF-8; sequences that set colours have none.
[[nodiscard]] std::size_t columns_of(std::string_view line);

/// One line, broken between words into lines of at most `width` columns, each but the first indented to
/// `indent`, or less where that would leave little. A longer word stays whole: it may be copied. Without
/// newline at the end.
[[nodiscard]] std::string wrapped(std::string_view line, std::size_t width, std::size_t indent);

}  // namespace rancher_cnode
