#include "distribution/term/atom_text.hpp"

#include <ei.h>

#include <cstddef>
#include <string_view>

#include "rancher_cnode/core/utf8.hpp"

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

/// Nothing but well-formed UTF-8, at most max_characters.
bool is_atom(std::string_view text) {
  std::size_t characters = 0;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || ++characters > max_characters) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

Expected<std::string> atom_text(std::span<const char> atom) {
  const char tag = atom.front();
  const bool small = tag == ERL_SMALL_ATOM_EXT || tag == ERL_SMALL_ATOM_UTF8_EXT;
  const bool latin1 = tag == ERL_ATOM_EXT || tag == ERL_SMALL_ATOM_EXT;
  const auto body = atom.subspan(small ? 2 : 3);
  if (latin1 ? body.size() > max_characters : !is_atom({body.data(), body.size()})) {
    return failure(ErrorCode::malformed, "expected an atom of at most 255 characters in UTF-8");
  }
  return latin1 ? from_latin1(body) : std::string(body.begin(), body.end());
}

}  // namespace rancher_cnode::distribution
