// The findings of the command `doctor` as text. Pure.
#pragma once

#include <span>
#include <string>

#include "cli/doctor/checks.hpp"
#include "rancher_cnode/status/renderings.hpp"

namespace rancher_cnode::cli::doctor {

/// One line for each check, a second, indented one where there is something to do, and a line that sums up.
[[nodiscard]] std::string as_table(std::span<const Finding> findings, const status::TableStyle& style);

/// One line: {"outcome": ..., "checks": [{"check": ..., "outcome": ..., "text": ..., "advice": ...}, ...]}
[[nodiscard]] std::string as_json(std::span<const Finding> findings);

/// 0 all ok, 1 warnings, 2 failures. Checks that were skipped do not count: what they depend on does.
[[nodiscard]] int status_of(std::span<const Finding> findings);

}  // namespace rancher_cnode::cli::doctor
