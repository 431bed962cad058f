// What the counters of the status count, as /metrics explains them. Pure.
#pragma once

#include <string>
#include <string_view>

namespace rancher_cnode::status {

/// The names are those in `counters` and in `targets[].counters`. One that is not known, as of a later
/// C-node, is described by its name.
[[nodiscard]] std::string help_of_counter(std::string_view name);
[[nodiscard]] std::string help_of_target_counter(std::string_view name);

}  // namespace rancher_cnode::status
