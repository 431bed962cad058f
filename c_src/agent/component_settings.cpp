#include "rancher_cnode/agent/component_settings.hpp"

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <cstdint>
#include <iterator>
#include <random>
#include <string_view>
#include <utility>

namespace rancher_cnode::agent {
namespace {

/// With one target: to it, and to departed peers that are disconnected concurrently.
constexpr std::size_t outgoing_of_one_target = 10;

/// While a peer is suspected.
constexpr Milliseconds shortest_reading_interval{1'000};
constexpr Milliseconds longest_reading_interval{2'500};

/// A container is disconnected by its own C-node; with --targets all, by the departed target itself.
reconciler::DepartedPolicy departed_policy(const Config& config) {
  using reconciler::DepartedPolicy;
  if (config.disconnect || config.removal == RemovalPolicy::immediate) {
    return DepartedPolicy::disconnect;
  }
  return config.targets == TargetScope::all ? DepartedPolicy::ignore : DepartedPolicy::report;
}

std::string text_of(const LabelRule& rule) {
  switch (rule.test) {
    case LabelRule::Test::equal:
      return rule.key + "=" + rule.value;
    case LabelRule::Test::not_equal:
      return rule.key + "!=" + rule.value;
    case LabelRule::Test::same:
      return rule.key + "=self";
    case LabelRule::Test::present:
      break;
  }
  return rule.key;
}

std::string text_of(const std::optional<ModuleFunction>& function) {
  return function ? function->module + ":" + function->function : "";
}

std::string text_of(Milliseconds time) { return std::to_string(time.count()) + "ms"; }

std::string_view text_of(RemovalPolicy removal) {
  return removal == RemovalPolicy::safe ? "safe" : removal == RemovalPolicy::never ? "never" : "immediate";
}

/// Where the order means nothing.
std::string sorted(std::vector<std::string> texts) {
  std::ranges::sort(texts);
  return boost::algorithm::join(texts, ",");
}

std::uint64_t random_seed() {
  std::random_device source;
  return (std::uint64_t{source()} << 32U) | source();
}

}  // namespace

std::vector<std::string> paths_of(const std::vector<PeerService>& services) {
  std::vector<std::string> paths;
  for (const auto& service : services) {
    if (std::ranges::find(paths, service.path) == paths.end()) {
      paths.push_back(service.path);
    }
  }
  return paths;
}

metadata::WatcherSettings watcher_settings(const Config& config) {
  metadata::WatcherSettings settings;
  settings.urls = config.metadata_urls;
  settings.version = config.metadata_version;
  settings.services = paths_of(config.services);
  for (const auto& rule : config.labels) {
    settings.label_keys.push_back(rule.key);
  }
  settings.trusted = {config.ca_file, config.ca_directory};
  settings.watch = config.watch;
  settings.url_confirmation = config.mass_removal_delay;
  settings.polling_interval = config.polling_interval;
  return settings;
}

distribution::PortSource port_source(const Config& config) {
  return {.epmd_port = config.epmd_port, .dist_port = config.dist_port};
}

ProbeMode probe_mode(const Config& config) {
  return config.dist_port && config.probe == ProbeMode::epmd ? ProbeMode::port : config.probe;
}

distribution::CNode::Settings cnode_settings(const Config& config, Ipv4Address own) {
  distribution::CNode::Settings settings{.name = NodeName::of(config.basename, own),
                                         .cookie = config.cookie,
                                         .listen_ports = config.listen_ports,
                                         .timing = {}};
  settings.ports = port_source(config);
  if (config.dist_port) {
    settings.handshake_threads.incoming = 0;
  }
  settings.tls = config.distribution_tls();
  settings.max_connections = config.max_connections;
  if (config.targets == TargetScope::local) {
    settings.handshake_threads.outgoing = outgoing_of_one_target;
  }
  if (config.start_epmd == Switch::on) {
    settings.epmd_program = config.epmd;
  }
  return settings;
}

std::vector<membership::MembershipSettings> membership_settings(const Config& config, Ipv4Address own) {
  membership::MembershipSettings settings{
      .service = {}, .node_basename = config.node_basename, .own_address = own};
  settings.removal = config.removal;
  settings.removal_delay = config.removal_delay;
  settings.mass_removal_delay = config.mass_removal_delay;
  settings.health = config.health;
  settings.reading_interval =
      std::clamp(config.polling_interval / 2, shortest_reading_interval, longest_reading_interval);
  std::vector<membership::MembershipSettings> all;
  for (const auto& service : config.services) {
    settings.service = service.text();
    settings.node_basename = service.node_basename.empty() ? config.node_basename : service.node_basename;
    all.push_back(settings);
  }
  return all;
}

reconciler::ReconcilerSettings reconciler_settings(const Config& config, const NodeName& target) {
  reconciler::ReconcilerSettings settings{.target = target};
  settings.max_dials = config.max_dials;
  settings.probe = probe_mode(config);
  settings.seed = random_seed();
  settings.departed_peers = departed_policy(config);
  return settings;
}

std::vector<status::Setting> deciding_settings(const Config& config) {
  std::vector<std::string> services;
  std::ranges::transform(config.services, std::back_inserter(services), [&](const PeerService& service) {
    return service.node_basename == config.node_basename ? service.path : service.text();
  });
  std::vector<std::string> labels;
  std::ranges::transform(config.labels, std::back_inserter(labels),
                         [](const LabelRule& rule) { return text_of(rule); });
  return {{"node-basename", config.node_basename},
          {"targets", config.targets == TargetScope::all ? "all" : "local"},
          {"metadata-url", boost::algorithm::join(config.metadata_urls, ",")},
          {"metadata-version", config.metadata_version},
          {"service", sorted(std::move(services))},
          {"label", sorted(std::move(labels))},
          {"removal", std::string(text_of(config.removal))},
          {"removal-delay", text_of(config.removal_delay)},
          {"mass-removal-delay", text_of(config.mass_removal_delay)},
          {"health", config.health == HealthPolicy::passing ? "passing" : "any"},
          {"disconnect", text_of(config.disconnect)}};
}

}  // namespace rancher_cnode::agent
