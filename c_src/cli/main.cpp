// Executes the command line and returns the exit status.
#include <sys/prctl.h>

#include <iostream>

#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "rancher_cnode/core/standard_streams.hpp"
#include "rancher_cnode/log/terminate_handler.hpp"

int main(int argc, char** argv) {
  namespace cli = rancher_cnode::cli;
  // The C-node below exec is started as /proc/self/exe, and ps would call it exe.
  ::prctl(PR_SET_NAME, "rancher_cnode");
  rancher_cnode::open_missing_standard_streams();
  rancher_cnode::install_terminate_handler(rancher_cnode::LogFormat::text);
  const auto environment = rancher_cnode::config::Environment::of_process();
  const auto invocation = cli::parse_command_line(argc, argv, environment);
  rancher_cnode::install_terminate_handler(invocation.config.log_format);
  if (const auto* command = cli::find_command(invocation.command)) {
    return command->run(invocation, environment);
  }
  (invocation.status == 0 ? std::cout : std::cerr) << invocation.output << std::flush;
  return invocation.status;
}
