// The length of UTF-8 characters. Used where external text is read or printed.
#pragma once

#include <cstddef>
#include <string_view>

namespace rancher_cnode {

/// Length of the well-formed sequence at the start of text (Unicode 15, table 3-7): 1 to 4 bytes; 0 if there
/// is none: empty, cut short, overlong, a surrogate, beyond U+10FFFF.
[[nodiscard]] constexpr std::size_t utf8_length(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length > text.size()) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80U) {
      return 0;
    }
  }
  const unsigned second = length > 1 ? static_cast<unsigned char>(text[1]) : 0;
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool surrogate = lead == 0xed && second > 0x9f;
  const bool beyond_unicode = lead == 0xf4 && second > 0x8f;
  return overlong || surrogate || beyond_unicode ? 0 : length;
}

}  // namespace rancher_cnode
