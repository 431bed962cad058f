#include "atom_text.hpp"

#include <ei.h>

#include <cstddef>

namespace rancher_cnode::distribution {
namespace {

constexpr std::size_t max_characters = 255;

std::string from_latin1(std::span<const char> bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0U | (byte >> 6U));
      text += static_cast<char>(0x80U | (byte & 0x3fU));
    }
  }
  return text;
}

/// Length of the well-formed sequence that bytes begin with (Unicode 15, table 3-7), 0 if there is none.
std::size_t sequence_length(std::span<const char> bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0 || length > bytes.size()) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(bytes[i]) & 0xc0U) != 0x80U) {
      return 0;
    }
  }
  const unsigned second = length > 1 ? static_cast<unsigned char>(bytes[1]) : 0;
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool surrogate = lead == 0xed && second > 0x9f;
  const bool beyond_unicode = lead == 0xf4 && second > 0x8f;
  return overlong || surrogate || beyond_unicode ? 0 : length;
}

/// Nothing but well-formed UTF-8, at most max_characters.
bool is_atom(std::span<const char> bytes) {
  std::size_t characters = 0;
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    if (length == 0 || ++characters > max_characters) {
      return false;
    }
    bytes = bytes.subspan(length);
  }
  return true;
}

}  // namespace

Expected<std::string> atom_text(std::span<const char> atom) {
  const char tag = atom.front();
  const bool small = tag == ERL_SMALL_ATOM_EXT || tag == ERL_SMALL_ATOM_UTF8_EXT;
  const bool latin1 = tag == ERL_ATOM_EXT || tag == ERL_SMALL_ATOM_EXT;
  const auto body = atom.subspan(small ? 2 : 3);
  if (latin1 ? body.size() > max_characters : !is_atom(body)) {
    return failure(ErrorCode::malformed, "expected an atom of at most 255 characters in UTF-8");
  }
  return latin1 ? from_latin1(body) : std::string(body.begin(), body.end());
}

}  // namespace rancher_cnode::distribution
