#include "cli/commands/env.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/commands/container_names.hpp"

namespace rancher_cnode::cli {
namespace {

constexpr Milliseconds boot_limit{30'000};
constexpr Milliseconds task_limit{2'000};

bool boots_a_node(std::string_view release_command) {
  constexpr auto commands = std::to_array<std::string_view>({"start", "start_iex", "daemon", "daemon_iex"});
  return std::ranges::find(commands, release_command) != commands.end();
}

std::optional<std::string> alive_name_of(const Config& config, const config::Environment& environment) {
  return config.node_basename.empty() ? environment.get("RELEASE_NAME") : config.node_basename;
}

}  // namespace

Expected<std::string> shell_assignments(const Config& config, std::optional<Milliseconds> timeout,
                                        const config::Environment& environment, const Log& log) {
  // Where no BEAM would take it, it is better to refuse it now.
  if (const auto node = environment.get("RELEASE_NODE"); node && node->find('@') != std::string::npos) {
    if (const auto name = NodeName::parse(*node); !name) {
      return tl::unexpected<Error>(name.error().within("$RELEASE_NODE"));
    }
  }
  Variables variables;
  if (const auto running = running_node(config)) {
    variables = variables_of(*running, environment);
  } else {
    const bool boots = boots_a_node(environment.get("RELEASE_COMMAND").value_or(""));
    const auto address = container_address(config, timeout.value_or(boots ? boot_limit : task_limit), log);
    if (!address) {
      return tl::unexpected<Error>(address.error());
    }
    variables = variables_of(*address, alive_name_of(config, environment), environment);
  }
  std::string lines;
  // The values are node names and addresses, which contain no quotes.
  for (const auto& [name, value] : variables) {
    lines.append("export ").append(name).append("='").append(value).append("'\n");
  }
  return lines;
}

}  // namespace rancher_cnode::cli
