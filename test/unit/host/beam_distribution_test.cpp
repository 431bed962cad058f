#include "rancher_cnode/host/beam_distribution.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace rancher_cnode;
using namespace rancher_cnode::host;

namespace {

Beam beam_with(std::vector<std::string> proto_dist) {
  Beam beam;
  beam.arguments.proto_dist = std::move(proto_dist);
  beam.arguments.ssl_dist_optfile = "opts";
  beam.arguments.ssl_dist_opt = {"server_certfile", "c"};
  beam.working_directory = "/srv/app";
  return beam;
}

}  // namespace

TEST_CASE("protocol and TLS options are those of the settings, else those of the BEAM") {
  const Beam beam = beam_with({"inet_tls"});
  const auto found = distribution_of(beam, {});
  CHECK(found.protocol == ProtoDist::inet_tls);
  CHECK(found.tls.optfile == "opts");
  CHECK(found.tls.beam_arguments == std::vector<std::string>{"server_certfile", "c"});
  CHECK(found.tls.folder == "/srv/app");

  Config config;
  config.tls.optfile = "ours";
  CHECK(distribution_of(beam, config).protocol == ProtoDist::inet_tls);
  CHECK(distribution_of(beam, config).tls == config.tls);
  config.tls = {};
  config.tls.cert_file = "ours";
  CHECK(distribution_of(beam, config).tls == config.tls);
  config.proto_dist = ProtoDist::inet_tcp;
  CHECK(distribution_of(beam, config).protocol == ProtoDist::inet_tcp);
}

TEST_CASE("another protocol than TLS over IPv4 is taken as plain") {
  CHECK(distribution_of(beam_with({}), {}).protocol == ProtoDist::inet_tcp);
  CHECK(distribution_of(beam_with({"inet_tcp"}), {}).protocol == ProtoDist::inet_tcp);
  CHECK(distribution_of(beam_with({"inet6_tls"}), {}).protocol == ProtoDist::inet_tcp);
}

TEST_CASE("the distribution port is that of the settings, else that of the BEAM, else none") {
  Beam beam;
  CHECK(dist_port_of(beam, {}) == std::nullopt);
  beam.arguments.erl_epmd_port = 6789;
  CHECK(dist_port_of(beam, {}) == 6789);
  Config config;
  config.dist_port = 9000;
  CHECK(dist_port_of(beam, config) == 9000);
  CHECK(dist_port_of(Beam(), config) == 9000);
}
