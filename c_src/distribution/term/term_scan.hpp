// The extent of a term in untrusted bytes, measured without ei and without recursion. Used by TermReader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::distribution {

/// Of every term.
inline constexpr std::size_t tag_length = 1;

/// The fixed part of one term: what must be in the buffer before ei may decode it, and how many terms follow
/// inside.
struct TermHead {
  TermType type = TermType::nil;
  std::size_t length = 0;      ///< bytes of the head, tag included; for leaves the whole term
  std::uint64_t children = 0;  ///< terms that follow the head and belong to it
};

/// The head of the term at the start of bytes, wholly inside them; ErrorCode::malformed otherwise.
[[nodiscard]] Expected<TermHead> scan_head(std::span<const char> bytes);

/// Length in bytes of the whole term at the start of bytes.
[[nodiscard]] Expected<std::size_t> scan_term(std::span<const char> bytes);

}  // namespace rancher_cnode::distribution
