#include "cli/commands/plan.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <utility>

#include "cli/commands/beam_client.hpp"
#include "cli/commands/container_names.hpp"
#include "cli/commands/failure.hpp"
#include "cli/commands/slow_notice.hpp"
#include "cli/commands/status.hpp"
#include "cli/commands/timeout.hpp"
#include "cli/doctor/answers.hpp"
#include "cli/doctor/collect.hpp"
#include "cli/plan/plan.hpp"
#include "rancher_cnode/agent/component_settings.hpp"
#include "rancher_cnode/distribution/handshake.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/metadata/single_read.hpp"

namespace rancher_cnode::cli {
using distribution::CallResult;
using distribution::TermWriter;

namespace {

constexpr Milliseconds step_limit{2'000};
constexpr Milliseconds cnode_limit{1'500};
/// Of a request of the metadata: lookup, connection and answer each.
constexpr int steps = 6;

/// The address and the BEAM.
Expected<doctor::Facts> facts_of(const Config& config, Milliseconds limit) {
  doctor::Facts facts;
  facts.config = config;
  doctor::collect_here(facts);
  if (!facts.address) {
    // Several addresses: only the metadata knows.
    const auto answers =
        metadata::ask_url(agent::watcher_settings(config), config.metadata_urls.front(), limit);
    facts.urls.push_back({.host = "", .resolved = {}, .answers = answers});
    doctor::collect_here(facts);
  }
  if (!facts.address) {
    return failure(ErrorCode::not_found, "the address of this container is not known; set --ip");
  }
  if (facts.cookie.error) {
    return tl::unexpected<Error>(*facts.cookie.error);
  }
  if (!facts.beam.name) {
    return failure(ErrorCode::not_found, facts.beam.selection.text);
  }
  return facts;
}

/// Without C-nodes, which are no members: this one under the name of these settings or of none, and those of
/// commands.
std::vector<NodeName> names_of(const std::vector<std::string>& texts, const Config& config) {
  std::vector<NodeName> names;
  for (const auto& text : texts) {
    auto name = NodeName::parse(text);
    if (name && name->alive() != config.basename && !name->alive().starts_with(Config().basename)) {
      names.push_back(*std::move(name));
    }
  }
  return names;
}

Expected<std::vector<std::string>> connections_of(const doctor::Facts& facts, TimePoint deadline,
                                                  const Log& log) {
  const auto& beam = *facts.beam.name;
  Expected<std::vector<std::string>> connections =
      failure(ErrorCode::timeout, beam.str() + ": does not answer in time");
  const auto fail = [&](const Error& error) {
    connections = tl::unexpected<Error>(error.within(beam.str()));
  };
  BeamClient client({.own = *facts.address,
                     .cookie = facts.config.cookie,
                     .tls = container_tls(doctor::completed(facts)),
                     .ports = agent::port_source(doctor::completed(facts)),
                     .concurrent_handshakes = 1,
                     .deadline = deadline},
                    log);
  client.connect(beam, [&](const auto& connected) {
    if (!connected) {
      fail(connected.error().error);
      return;
    }
    const auto& own = facts.config.list_nodes;
    client.call(beam, own.value_or(ModuleFunction{"erlang", "nodes"}),
                own ? TermWriter().nil().take() : TermWriter().list(1).atom("connected").nil().take(),
                [&](const CallResult& result) {
                  if (result) {
                    connections = doctor::atoms_in(*result);
                  } else {
                    fail(result.error());
                  }
                });
  });
  client.run();
  return connections;
}

/// The names of those that the other one has not, or not with this value.
std::vector<std::string> differing(const std::vector<status::Setting>& settings,
                                   const std::vector<status::Setting>& others) {
  std::vector<std::string> names;
  for (const auto& setting : settings) {
    if (std::ranges::find(others, setting) == others.end()) {
      names.push_back(setting.name);
    }
  }
  return names;
}

RunningCnode running(const status::Report& report, const Config& config, const NodeName& beam) {
  std::vector<std::string> members;
  std::ranges::transform(report.peers, std::back_inserter(members), &status::Report::Peer::node);
  // Only here are those that are connected, with --targets all.
  std::ranges::transform(report.targets, std::back_inserter(members), &status::Report::Target::node);
  RunningCnode cnode{.members = names_of(members, config),
                     .listed_in = {},
                     .other_settings = differing(agent::deciding_settings(config), report.settings)};
  std::erase(cnode.members, beam);
  for (const auto& service : report.metadata.services) {
    if (service.own_container != to_string(membership::OwnMembership::unknown)) {
      cnode.listed_in.emplace_back(membership::path_of(service.path));
    }
  }
  return cnode;
}

Expected<Plan> plan_of(const Config& config, Milliseconds timeout, const Log& log) {
  const auto deadline = Clock::now() + timeout;
  const auto limit = std::min(timeout / steps, step_limit);
  const auto facts = facts_of(config, limit);
  if (!facts) {
    return tl::unexpected<Error>(facts.error());
  }
  const Config completed = doctor::completed(*facts);
  const auto connections = connections_of(*facts, deadline, log);
  if (!connections) {
    return tl::unexpected<Error>(connections.error());
  }
  PlanInput input{.memberships = agent::membership_settings(completed, *facts->address),
                  .labels = completed.labels,
                  .reconciler = agent::reconciler_settings(completed, *facts->beam.name),
                  .observation = metadata::read_once(agent::watcher_settings(completed), limit),
                  .connected = names_of(*connections, completed),
                  .running = {}};
  if (const auto report = container_report(completed, std::min(limit, cnode_limit), log)) {
    input.running = running(*report, completed, *facts->beam.name);
  }
  return make_plan(input);
}

}  // namespace

int print_plan(const Config& config, Milliseconds timeout, std::string_view format,
               const config::Environment& environment) {
  const Log log(LogLevel::error, config.log_format);
  distribution::initialise_handshakes();
  const SlowNotice notice(STDERR_FILENO, "reading the metadata and the connections", limit_of(timeout));
  const auto plan = plan_of(config, limit_of(timeout), log);
  if (!plan) {
    print_failure(config, plan.error().message);
    return 1;
  }
  std::cout << (format == "json" ? as_json(*plan)
                                 : as_table(*plan, table_style(STDOUT_FILENO, environment).width))
            << std::flush;
  return 0;
}

}  // namespace rancher_cnode::cli
