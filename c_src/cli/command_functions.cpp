#include "cli/command_functions.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "cli/commands/doctor.hpp"
#include "cli/commands/env.hpp"
#include "cli/commands/events.hpp"
#include "cli/commands/failure.hpp"
#include "cli/commands/mesh.hpp"
#include "cli/commands/own_address.hpp"
#include "cli/commands/plan.hpp"
#include "cli/commands/status.hpp"
#include "cli/commands/wait.hpp"
#include "cli/completions.hpp"
#include "cli/man.hpp"
#include "cli/texts.hpp"
#include "rancher_cnode/agent/agent.hpp"

namespace rancher_cnode::cli::command {
using config::Environment;

namespace {

/// Of every command but exec, whose children inherit what is ignored.
Log begin(const Invocation& invocation) {
  // A peer that closes during a write must not end the program; every write returns its error.
  std::signal(SIGPIPE, SIG_IGN);
  Log log(invocation.config.log_level, invocation.config.log_format);
  log_invocation(invocation, log);
  return log;
}

int report(const Config& config, const Expected<std::string>& answer) {
  if (!answer) {
    print_failure(config, answer.error().message);
    return 1;
  }
  std::cout << *answer << std::flush;
  return 0;
}

}  // namespace

int run(const Invocation& invocation, const Environment& /*environment*/) {
  // An epmd that is started must not report in our name.
  for (const char* variable : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
    ::unsetenv(variable);
  }
  const Log log = begin(invocation);
  return agent::Agent(invocation.config, {std::string(program_version()), std::string(program_build())}, log)
      .run();
}

int env(const Invocation& invocation, const Environment& environment) {
  const Log log = begin(invocation);
  return report(
      invocation.config,
      shell_assignments(invocation.config, invocation.options.duration("--timeout"), environment, log));
}

int ip(const Invocation& invocation, const Environment& /*environment*/) {
  const Log log = begin(invocation);
  return report(
      invocation.config,
      own_address(invocation.config, *invocation.options.duration("--timeout"), log).map([](auto address) {
        return address.to_string() + "\n";
      }));
}

int wait(const Invocation& invocation, const Environment& /*environment*/) {
  const Log log = begin(invocation);
  const auto wait = invocation.options.has("--connected") ? wait_for_peers : wait_for_initial_sync;
  return report(invocation.config,
                wait(invocation.config, *invocation.options.duration("--timeout"), log).map([]() {
                  return std::string();
                }));
}

int status(const Invocation& invocation, const Environment& environment) {
  const Log log = begin(invocation);
  const Options& options = invocation.options;
  const auto timeout = *options.duration("--timeout");
  const auto format = *options.text("--format");
  const auto interval = options.duration("--watch");
  return interval ? watch_status(invocation.config, timeout, format, environment, *interval)
                  : print_status(invocation.config, timeout, format, environment);
}

int mesh(const Invocation& invocation, const Environment& environment) {
  const Log log = begin(invocation);
  return print_mesh(invocation.config, *invocation.options.duration("--timeout"),
                    *invocation.options.text("--format"), environment);
}

int check(const Invocation& invocation, const Environment& /*environment*/) {
  const Log log = begin(invocation);
  const Options& options = invocation.options;
  return print_check(invocation.config, *options.duration("--timeout"),
                     {.expect = options.number("--expect"),
                      .min = options.number("--min"),
                      .max_metadata_age = options.duration("--max-metadata-age"),
                      .grace = options.duration("--grace")},
                     *options.text("--format"));
}

int events(const Invocation& invocation, const Environment& /*environment*/) {
  const Log log = begin(invocation);
  const Options& options = invocation.options;
  return print_events(invocation.config,
                      {.since = options.duration("--since"),
                       .peer = options.text("--peer").value_or(""),
                       .follow = options.has("--follow") ? Follow::on : Follow::off,
                       .format = options.text("--format") == "json" ? LogFormat::json : LogFormat::text,
                       .timeout = *options.duration("--timeout")});
}

int doctor(const Invocation& invocation, const Environment& environment) {
  // Its warnings about settings are a finding.
  std::signal(SIGPIPE, SIG_IGN);
  return print_doctor(invocation, environment);
}

int plan(const Invocation& invocation, const Environment& environment) {
  const Log log = begin(invocation);
  return print_plan(invocation.config, *invocation.options.duration("--timeout"),
                    *invocation.options.text("--format"), environment);
}

int man(const Invocation& /*invocation*/, const Environment& /*environment*/) {
  std::cout << man_page() << std::flush;
  return 0;
}

int print_completions(const Invocation& invocation, const Environment& /*environment*/) {
  std::cout << completions(invocation.program.front()) << std::flush;
  return 0;
}

}  // namespace rancher_cnode::cli::command
