// Big-endian numbers, as in every protocol of this component.
#pragma once

#include <cstdint>
#include <span>

namespace rancher_cnode::distribution {

/// Of at most 8 bytes; 0 of none.
inline std::uint64_t big_endian(std::span<const char> bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) {
    value = (value << 8U) | static_cast<unsigned char>(byte);
  }
  return value;
}

}  // namespace rancher_cnode::distribution
