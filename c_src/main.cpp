// Wires the command line to what it asks for, and returns the exit status.
#include <csignal>
#include <iostream>
#include <string>

#include "last_words.hpp"
#include "rancher_cnode/agent/agent.hpp"
#include "rancher_cnode/agent/own_address.hpp"
#include "rancher_cnode/agent/wait.hpp"
#include "rancher_cnode/cli/command_line.hpp"
#include "rancher_cnode/log.hpp"
#include "standard_streams.hpp"

namespace {

namespace agent = rancher_cnode::agent;
namespace cli = rancher_cnode::cli;
using rancher_cnode::Expected;

int report(const Expected<std::string>& answer) {
  if (!answer) {
    std::cerr << answer.error().message << '\n';
    return 1;
  }
  std::cout << *answer << std::flush;
  return 0;
}

int carry_out(const cli::Invocation& invocation) {
  const auto& config = invocation.config;
  const rancher_cnode::Log log(config.log_level, config.log_format);
  cli::tell(invocation, log);
  switch (invocation.command) {
    case cli::Command::exit:
      (invocation.status == 0 ? std::cout : std::cerr) << invocation.output << std::flush;
      return invocation.status;
    case cli::Command::ip:
      return report(agent::own_address(config, invocation.timeout, log).map([](auto address) {
        return address.to_string() + "\n";
      }));
    case cli::Command::wait:
      return report(
          agent::wait_for_first_round(config, invocation.timeout, log).map([]() { return std::string(); }));
    case cli::Command::run:
      return agent::Agent(config, std::string(cli::program_version()), log).run();
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  rancher_cnode::open_missing_standard_streams();
  rancher_cnode::end_in_one_line_on_exceptions();
  // A peer that closes while we write must not end us; every write tells by its error.
  std::signal(SIGPIPE, SIG_IGN);
  return carry_out(cli::parse_command_line(argc, argv, cli::Environment::of_process()));
}
