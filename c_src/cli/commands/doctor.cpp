#include "cli/commands/doctor.hpp"

#include <unistd.h>

#include <iostream>

#include "cli/commands/slow_notice.hpp"
#include "cli/commands/status.hpp"
#include "cli/commands/timeout.hpp"
#include "cli/doctor/checks.hpp"
#include "cli/doctor/collect.hpp"
#include "cli/doctor/rendering.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {
int print_doctor(const Invocation& invocation, const config::Environment& environment) {
  // Nothing that the log could add is missing in the findings.
  const Log silent(LogLevel::error, invocation.config.log_format);
  const Milliseconds limit = limit_of(*invocation.options.duration("--timeout"));
  const SlowNotice notice(STDERR_FILENO, "checking", limit);
  const auto deadline = Clock::now() + limit;
  const auto found = doctor::findings(
      doctor::collect(invocation.config, invocation.settings, invocation.warnings, deadline, silent));
  std::cout << (invocation.options.text("--format") == "json"
                    ? doctor::as_json(found)
                    : doctor::as_table(found, table_style(STDOUT_FILENO, environment)))
            << std::flush;
  return doctor::status_of(found);
}

}  // namespace rancher_cnode::cli
