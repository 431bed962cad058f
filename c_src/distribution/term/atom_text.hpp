// The text of an encoded atom as UTF-8. Used by TermReader.
//
// Not ei's decoder: it ends an atom at the first NUL, so 'ok\0more' would read as 'ok', and accepts bytes
// that are not UTF-8, which its encoder then rejects.
#pragma once

#include <span>
#include <string>

#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::distribution {

/// `atom` is one whole term of type atom, as term_scan measured it. ErrorCode::malformed if it holds more
/// than 255 characters or is tagged as UTF-8 and is not.
[[nodiscard]] Expected<std::string> atom_text(std::span<const char> atom);

}  // namespace rancher_cnode::distribution
