#include "cli/commands/container_names.hpp"

#include <algorithm>

#include "cli/commands/own_address.hpp"
#include "rancher_cnode/config/cookie_file.hpp"
#include "rancher_cnode/core/interfaces.hpp"
#include "rancher_cnode/host/beam_distribution.hpp"
#include "rancher_cnode/host/selection.hpp"

namespace rancher_cnode::cli {
namespace {

/// Nothing if there are several: only the metadata knows which one is Rancher's.
std::optional<Ipv4Address> only_address() {
  auto addresses = interface_addresses();
  if (!addresses) {
    return std::nullopt;
  }
  std::erase_if(*addresses, [](Ipv4Address address) { return !address.is_host(); });
  return addresses->size() == 1 ? std::optional(addresses->front()) : std::nullopt;
}

/// With a name that is a valid NodeName, on an address of ours: where processes of other containers are seen,
/// theirs have others.
std::optional<host::Beam> running_beam(const Config& config) {
  const auto beams = host::ProcessTable().beams();
  const auto addresses =
      config.ip ? std::vector{*config.ip} : interface_addresses().value_or(std::vector<Ipv4Address>());
  for (const auto address : addresses) {
    auto selection =
        host::select(beams, host::Criteria{.own_address = address, .alive_name = {}, .process = {}});
    if (address.is_host() && selection.beam) {
      return selection.beam;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<NodeName> running_node(const Config& config) {
  const auto beam = running_beam(config);
  return beam ? std::optional(*NodeName::parse(beam->arguments.name)) : std::nullopt;
}

Expected<Cookie> container_cookie(const Config& config) {
  const auto beam = config.cookie_origin == CookieOrigin::setting ? std::nullopt : running_beam(config);
  if (beam) {
    if (const auto found = host::ProcessTable().cookie_of(*beam)) {
      return found->cookie;
    }
  }
  auto cookie = cookie_of(config);
  return cookie && cookie->empty()
             ? failure(ErrorCode::not_found, "no BEAM runs here whose cookie could be used")
             : cookie;
}

std::optional<TlsSettings> container_tls(Config config) {
  if (const auto beam = running_beam(config)) {
    const auto distribution = host::distribution_of(*beam, config);
    config.proto_dist = distribution.protocol;
    config.tls = distribution.tls;
  }
  return config.distribution_tls();
}

std::optional<EpmdlessBeam> epmdless_beam(const Config& config, Ipv4Address own) {
  const auto beam = running_beam(config);
  const auto port = beam ? host::dist_port_of(*beam, config) : config.dist_port;
  if (!port || (!beam && config.node_basename.empty())) {
    return std::nullopt;
  }
  return EpmdlessBeam{beam ? *NodeName::parse(beam->arguments.name) : NodeName::of(config.node_basename, own),
                      *port};
}

Expected<Ipv4Address> container_address(const Config& config, Milliseconds timeout, const Log& log) {
  if (config.ip) {
    return *config.ip;
  }
  auto address = own_address(config, timeout, log);
  if (const auto only = address ? std::nullopt : only_address()) {
    log.warning("address_assumed", address.error().message + "; using the only address of this container",
                {{"address", only->to_string()}});
    return *only;
  }
  return address;
}

Expected<Ipv4Address> address_without_metadata(const Config& config) {
  if (config.ip) {
    return *config.ip;
  }
  if (const auto node = running_node(config)) {
    return node->address();
  }
  const auto only = only_address();
  return only ? Expected<Ipv4Address>(*only)
              : failure(ErrorCode::not_found,
                        "no BEAM runs here, and this container has several addresses or none");
}

Expected<Ipv4Address> address_of_cnode(const Config& config, Milliseconds timeout, const Log& log) {
  auto own = address_without_metadata(config);
  return own ? own : own_address(config, timeout, log);
}

Variables variables_of(Ipv4Address address, const std::optional<std::string>& alive_name,
                       const config::Environment& environment) {
  Variables variables{{"CONTAINER_IP", address.to_string()}};
  if (alive_name) {
    variables.emplace_back("RELEASE_DISTRIBUTION", "name");
    variables.emplace_back("RELEASE_NODE", *alive_name + "@" + address.to_string());
  }
  std::erase_if(variables, [&](const auto& variable) { return environment.get(variable.first).has_value(); });
  return variables;
}

Variables variables_of(const NodeName& node, const config::Environment& environment) {
  return variables_of(*node.address(), std::string(node.alive()), environment);
}

}  // namespace rancher_cnode::cli
