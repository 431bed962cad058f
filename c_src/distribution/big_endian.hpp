// Big-endian numbers, as in every protocol of this component: read and written here only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rancher_cnode::distribution {

/// Of at most 8 bytes; 0 of none.
inline std::uint64_t big_endian(std::span<const char> bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) {
    value = (value << 8U) | static_cast<unsigned char>(byte);
  }
  return value;
}

/// Appends the last `width` bytes of value, 1 to 8; what does not fit is lost.
inline void append_big_endian(std::vector<char>& bytes, std::size_t width, std::uint64_t value) {
  for (std::size_t left = width; left > 0; --left) {
    bytes.push_back(static_cast<char>((value >> (8U * (left - 1))) & 0xffU));
  }
}

}  // namespace rancher_cnode::distribution
