#include "cli/commands/exec.hpp"

#include <filesystem>
#include <system_error>

#include "cli/commands/container_names.hpp"
#include "cli/commands/release.hpp"
#include "rancher_cnode/init/init.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli {
namespace {

/// By these the start scripts of Distillery and relx replace ${CONTAINER_IP} in vm.args.
constexpr const char* replacing[] = {"REPLACE_OS_VARS", "RELX_REPLACE_OS_VARS"};

std::optional<std::string> alive_name_of(const Invocation& invocation,
                                         const config::Environment& environment) {
  std::error_code error;
  const auto release =
      find_mix_release(invocation.program, std::filesystem::current_path(error), environment);
  if (!release) {
    return std::nullopt;
  }
  return invocation.config.node_basename.empty() ? release->name : invocation.config.node_basename;
}

int prepare(const Invocation& invocation, const config::Environment& environment, const Log& log,
            init::Prepared& prepared) {
  log_invocation(invocation, log);
  Variables variables;
  if (const auto running = running_node(invocation.config)) {
    log.debug("command_joins_beam", "the command gets its name, and no C-node", {{"node", running->str()}});
    prepared.needs_cnode = false;
    variables = variables_of(*running, environment);
  } else {
    const auto address = container_address(invocation.config, *invocation.options.duration("--timeout"), log);
    if (!address) {
      log.error("address_not_found", address.error().message + "; set CONTAINER_IP");
      return 1;
    }
    variables = variables_of(*address, alive_name_of(invocation, environment), environment);
  }
  for (const char* name : replacing) {
    if (!environment.has(name)) {
      variables.emplace_back(name, "true");
    }
  }
  for (const auto& [name, value] : variables) {
    prepared.variables.push_back(std::string(name).append("=").append(value));
  }
  return 0;
}

}  // namespace

int run_with_cnode(const Invocation& invocation, const config::Environment& environment) {
  const Log log(invocation.config.log_level, invocation.config.log_format);
  return init::run(
      {.command = invocation.program,
       .cnode = invocation.cnode,
       .prepare = [&](init::Prepared& prepared) { return prepare(invocation, environment, log, prepared); },
       .report_death =
           [&](int status, Milliseconds delay) {
             log.warning("cnode_died", "the C-node is started again",
                         {{"status", status}, {"restart_in_ms", delay.count()}});
           },
       .report_failure =
           [&](const std::string& process, const std::string& reason) {
             log.error("process_not_started", "", {{"process", process}, {"reason", reason}});
           }});
}

}  // namespace rancher_cnode::cli
