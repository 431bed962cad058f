// The commands `status` and `check`: what the C-node of this container reports now. Used by main.
#pragma once

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/status/renderings.hpp"
#include "rancher_cnode/status/report.hpp"
#include "rancher_cnode/status/verdict.hpp"

namespace rancher_cnode::cli {

enum class StatusFormat { table, json, prometheus, erlang };

/// Asks <basename>@<our address> once, and waits for `timeout` (0 = no limit) in all. The address is that of the settings,
/// of the BEAM or the only one; where none is certain, the metadata's. Errors in words, in one line. Blocks.
[[nodiscard]] Expected<status::Report> container_report(const Config& config, Milliseconds timeout,
                                                        const Log& log);

/// How a table is shown: as wide as $COLUMNS or, on a terminal, as that is; with colour on a terminal only, and not where
/// $NO_COLOR is set (https://no-color.org) or $TERM is dumb. `descriptor` is that of the output.
[[nodiscard]] status::TableStyle table_style(int descriptor, const config::Environment& environment);

/// Prints the report on standard output, or one line on standard error. Returns the exit status: 0 whole, 1 no C-node,
/// 3 incomplete, 4 not driving.
[[nodiscard]] int print_status(const Config& config, Milliseconds timeout, StatusFormat format,
                               const config::Environment& environment);

/// Prints one line: on standard output, or on standard error where no C-node answers. Returns the exit status, 0 or 1.
[[nodiscard]] int print_check(const Config& config, Milliseconds timeout, const status::Demands& demands);

/// 0 whole, 3 incomplete, 4 not driving.
[[nodiscard]] int status_of(const status::Verdict& verdict);

}  // namespace rancher_cnode::cli
