// Foreign text in HTML and SVG. Used by the page and the picture of the mesh. Pure.
#pragma once

#include <string>
#include <string_view>

#include "rancher_cnode/core/printable.hpp"

namespace rancher_cnode::status {

/// Printable text that is no markup, in an element or a quoted attribute.
[[nodiscard]] inline std::string escaped(std::string_view text) {
  std::string markup;
  for (const char c : text) {
    switch (c) {
      case '&':
        markup += "&amp;";
        break;
      case '<':
        markup += "&lt;";
        break;
      case '>':
        markup += "&gt;";
        break;
      case '"':
        markup += "&quot;";
        break;
      case '\'':
        markup += "&#39;";
        break;
      default:
        markup += c;
    }
  }
  return markup;
}

/// The same of foreign text, of which at most 300 bytes are shown.
[[nodiscard]] inline std::string markup_text(std::string_view text) {
  constexpr std::size_t longest = 300;
  return escaped(readable(text, longest));
}

}  // namespace rancher_cnode::status
