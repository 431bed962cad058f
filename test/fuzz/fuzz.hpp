// What the fuzz targets share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

/// libFuzzer's entry point; each target defines it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace rancher_cnode::fuzz {

inline std::span<const char> bytes(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// A property that must hold for every input; libFuzzer reports the input if it does not.
inline void require(bool holds) {  // NOLINT: a condition is a bool
  if (!holds) {
    std::abort();
  }
}

}  // namespace rancher_cnode::fuzz
