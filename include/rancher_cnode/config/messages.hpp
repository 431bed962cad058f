// How messages about settings name a value. Used wherever a setting is refused.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "rancher_cnode/config/raw_config.hpp"

namespace rancher_cnode::config {

/// In bytes, of a text that a message repeats.
inline constexpr std::size_t longest_shown = 120;

/// Text that is safe in a message: printable(), cut at longest_shown, in single quotes.
[[nodiscard]] std::string shown(std::string_view text);

/// A violation: "--ip '127.0.0.1' (from $CONTAINER_IP) <rule>".
[[nodiscard]] std::string violation(std::string_view name, const RawValue& value, std::string_view rule);

}  // namespace rancher_cnode::config
