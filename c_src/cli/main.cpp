// Executes the command line and returns the exit status.
#include <sys/prctl.h>

#include <csignal>
#include <iostream>
#include <string>

#include "cli/command_line.hpp"
#include "cli/commands/env.hpp"
#include "cli/commands/exec.hpp"
#include "cli/commands/own_address.hpp"
#include "cli/commands/status.hpp"
#include "cli/commands/wait.hpp"
#include "rancher_cnode/agent/agent.hpp"
#include "rancher_cnode/core/standard_streams.hpp"
#include "rancher_cnode/core/terminate_handler.hpp"
#include "rancher_cnode/log/log.hpp"

namespace {

namespace agent = rancher_cnode::agent;
namespace cli = rancher_cnode::cli;
namespace config = rancher_cnode::config;
using rancher_cnode::Expected;

int report(const Expected<std::string>& answer) {
  if (!answer) {
    std::cerr << answer.error().message << '\n';
    return 1;
  }
  std::cout << *answer << std::flush;
  return 0;
}

int execute(const cli::Invocation& invocation, const config::Environment& environment) {
  const auto& config = invocation.config;
  const rancher_cnode::Log log(config.log_level, config.log_format);
  cli::log_invocation(invocation, log);
  switch (invocation.command) {
    case cli::Command::exit:
      (invocation.status == 0 ? std::cout : std::cerr) << invocation.output << std::flush;
      return invocation.status;
    case cli::Command::ip:
      return report(cli::own_address(config, *invocation.timeout, log).map([](auto address) {
        return address.to_string() + "\n";
      }));
    case cli::Command::wait:
      return report(
          cli::wait_for_initial_sync(config, *invocation.timeout, log).map([]() { return std::string(); }));
    case cli::Command::status:
      return cli::print_status(config, *invocation.timeout, invocation.format, environment);
    case cli::Command::check:
      return cli::print_check(config, *invocation.timeout, invocation.demands);
    case cli::Command::env:
      return report(cli::shell_assignments(config, invocation.timeout, environment, log));
    case cli::Command::exec:
      break;
    case cli::Command::run:
      return agent::Agent(config, std::string(cli::program_version()), log).run();
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  // The C-node below exec is started as /proc/self/exe, and ps would call it exe.
  ::prctl(PR_SET_NAME, "rancher_cnode");
  rancher_cnode::open_missing_standard_streams();
  rancher_cnode::install_terminate_handler();
  const auto environment = config::Environment::of_process();
  const auto invocation = cli::parse_command_line(argc, argv, environment);
  if (invocation.command == cli::Command::exec) {
    return cli::run_with_cnode(invocation, environment);
  }
  // A peer that closes during a write must not end the program; every write returns its error.
  std::signal(SIGPIPE, SIG_IGN);
  return execute(invocation, environment);
}
