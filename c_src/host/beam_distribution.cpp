#include "rancher_cnode/host/beam_distribution.hpp"

namespace rancher_cnode::host {

Distribution distribution_of(const Beam& beam, const Config& config) {
  Distribution result{config.proto_dist.value_or(ProtoDist::inet_tcp), config.tls};
  const BeamArguments& arguments = beam.arguments;
  if (!config.proto_dist && !arguments.proto_dist.empty() && arguments.proto_dist.front() == "inet_tls") {
    result.protocol = ProtoDist::inet_tls;
  }
  if (config.tls.cert_file.empty() && config.tls.optfile.empty()) {
    result.tls.optfile = arguments.ssl_dist_optfile.value_or("");
    result.tls.beam_arguments = arguments.ssl_dist_opt;
    result.tls.folder = beam.working_directory;
  }
  return result;
}

std::optional<std::uint16_t> dist_port_of(const Beam& beam, const Config& config) {
  return config.dist_port ? config.dist_port : beam.arguments.erl_epmd_port;
}

}  // namespace rancher_cnode::host
