// Wires the command line to what it asks for, and returns the exit status.
#include <csignal>
#include <iostream>

#include "rancher_cnode/agent/agent.hpp"
#include "rancher_cnode/agent/own_address.hpp"
#include "rancher_cnode/agent/wait.hpp"
#include "rancher_cnode/cli/command_line.hpp"
#include "rancher_cnode/log.hpp"

namespace {

using rancher_cnode::cli::Command;
using rancher_cnode::cli::Invocation;

int print(const Invocation& invocation) {
  (invocation.status == 0 ? std::cout : std::cerr) << invocation.output << std::flush;
  return invocation.status;
}

int print_own_address(const Invocation& invocation, const rancher_cnode::Log& log) {
  const auto address = rancher_cnode::agent::own_address(invocation.config, invocation.timeout, log);
  if (!address) {
    std::cerr << address.error().message << '\n';
    return 1;
  }
  std::cout << address->to_string() << std::endl;
  return 0;
}

int wait_for_first_round(const Invocation& invocation, const rancher_cnode::Log& log) {
  const auto done = rancher_cnode::agent::wait_for_first_round(invocation.config, invocation.timeout, log);
  if (!done) {
    std::cerr << done.error().message << '\n';
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // A peer that closes while we write must not end us; every write tells by its error.
  std::signal(SIGPIPE, SIG_IGN);
  const auto invocation =
      rancher_cnode::cli::parse_command_line(argc, argv, rancher_cnode::cli::Environment::of_process());
  const rancher_cnode::Log log(invocation.config.log_level, invocation.config.log_format);
  for (const auto& warning : invocation.warnings) {
    log.warning("setting_ignored", warning);
  }
  switch (invocation.command) {
    case Command::exit:
      return print(invocation);
    case Command::ip:
      return print_own_address(invocation, log);
    case Command::wait:
      return wait_for_first_round(invocation, log);
    case Command::run:
      return rancher_cnode::agent::Agent(invocation.config,
                                         std::string(rancher_cnode::cli::program_version()), log)
          .run();
  }
  return 1;
}
