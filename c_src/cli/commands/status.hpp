// The commands `status` and `check`: what the C-node of this container reports now. Used by main.
#pragma once

#include <string>
#include <string_view>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/distribution/term.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/status/renderings.hpp"
#include "rancher_cnode/status/report.hpp"
#include "rancher_cnode/status/verdict.hpp"

namespace rancher_cnode::cli {

struct Answer {
  std::string cnode;  ///< the node that gave it
  distribution::TermBytes term;
};

/// The answer of the C-node of this container to one request; otherwise as container_report.
[[nodiscard]] Expected<Answer> container_answer(const Config& config, const distribution::TermBytes& request,
                                                Milliseconds timeout, const Log& log);

/// Asks <basename>@<our address> once, and waits for `timeout` (0 = no limit) in all. The address is that of
/// the settings, of the BEAM or the only one; where none is certain, the metadata's. Errors in words, in one
/// line. Blocks.
[[nodiscard]] Expected<status::Report> container_report(const Config& config, Milliseconds timeout,
                                                        const Log& log);

/// How a table is shown: as wide as $COLUMNS or, on a terminal, as that is; with colour on a terminal only,
/// and not where $NO_COLOR is set (https://no-color.org) or $TERM is dumb. `descriptor` is that of the
/// output.
[[nodiscard]] status::TableStyle table_style(int descriptor, const config::Environment& environment);

/// `format` is table, json, prometheus or erlang. Prints the report on standard output, or one line on
/// standard error. Returns the exit status: 0 whole, 1 no C-node, 3 incomplete, 4 not driving.
[[nodiscard]] int print_status(const Config& config, Milliseconds timeout, std::string_view format,
                               const config::Environment& environment);

/// The report in a format of print_status.
[[nodiscard]] std::string rendered(const status::Report& report, std::string_view format,
                                   const status::TableStyle& style);

/// Prints the report again and again: in place on a terminal, else one block after the other. While no C-node
/// answers, the reason: there, or on standard error. Ends at SIGINT, SIGTERM, SIGHUP, or when nobody reads
/// the output, with the exit status of the last answer.
[[nodiscard]] int watch_status(const Config& config, Milliseconds timeout, std::string_view format,
                               const config::Environment& environment, Milliseconds interval);

/// Prints one line: on standard output, or on standard error where no C-node answers. Returns the exit
/// status, 0 or 1.
[[nodiscard]] int print_check(const Config& config, Milliseconds timeout, const status::Demands& demands,
                              std::string_view format);

/// {"outcome": "passed" or "failed", "text": ...}, without line end.
[[nodiscard]] std::string check_json(const status::CheckResult& result);

/// Exit status of status and mesh where the C-node that was asked does not drive any BEAM.
inline constexpr int not_driving_status = 4;

/// 0 whole, 3 incomplete, 4 not driving.
[[nodiscard]] int status_of(const status::Verdict& verdict);

}  // namespace rancher_cnode::cli
