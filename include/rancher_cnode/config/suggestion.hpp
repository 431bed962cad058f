// "Did you mean": the name that a misspelt one stands for. Used by config and cli.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rancher_cnode::config {

/// "; did you mean 'polling-interval'?" for the nearest of the known names, or "" if none is near: at most
/// two letters (one in four at most) added, left out, replaced, or swapped with their neighbour. `prefix` is
/// that of all of them, and not compared.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& known,
                                       std::string_view prefix = "");

}  // namespace rancher_cnode::config
