// Each setting reaches the component that it is for.
#include "rancher_cnode/agent/component_settings.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace rancher_cnode;
using namespace rancher_cnode::agent;

namespace {

const Ipv4Address own_address = *Ipv4Address::parse("10.42.0.1");

/// Every setting differs from what the components have by default.
Config unusual() {
  Config config;
  config.node_basename = "shop";
  config.basename = "helper";
  config.cookie = Cookie("secret");
  config.metadata_urls = {"http://a", "http://b"};
  config.metadata_version = "2015-12-19";
  config.services = {{"stacks/shop/services/db", ""}};
  config.ca_file = "/own.pem";
  config.ca_directory = "/own";
  config.watch = WatchMode::off;
  config.polling_interval = Milliseconds(7'000);
  config.removal = RemovalPolicy::never;
  config.removal_delay = Milliseconds(20'000);
  config.mass_removal_delay = Milliseconds(120'000);
  config.health = HealthPolicy::passing;
  config.max_dials = 7;
  config.probe = ProbeMode::off;
  config.listen_ports = {9'000, 9'010};
  config.max_connections = 99;
  config.epmd = "/opt/epmd";
  config.epmd_port = 4'370;
  return config;
}

}  // namespace

TEST_CASE("the watcher gets the URLs, the path and the pace") {
  const auto settings = watcher_settings(unusual());
  CHECK(settings.urls == std::vector<std::string>{"http://a", "http://b"});
  CHECK(settings.version == "2015-12-19");
  CHECK(settings.services == std::vector<std::string>{"stacks/shop/services/db"});
  CHECK(settings.label_keys.empty());
  CHECK(settings.trusted == metadata::TrustedCertificates{"/own.pem", "/own"});
  CHECK(settings.watch == WatchMode::off);
  CHECK(settings.polling_interval == Milliseconds(7'000));
}

TEST_CASE("the node gets its name, its cookie, its ports and its limit") {
  const auto settings = cnode_settings(unusual(), own_address);
  CHECK(settings.name.str() == "helper@10.42.0.1");
  CHECK(settings.cookie.reveal() == "secret");
  CHECK(settings.listen_ports == PortRange{9'000, 9'010});
  CHECK(settings.ports.epmd_port == 4'370);
  CHECK_FALSE(settings.ports.dist_port);
  CHECK(settings.max_connections == 99);
  CHECK_FALSE(settings.tls);
}

TEST_CASE("the node gets the options of TLS if it is to speak it") {
  Config config = unusual();
  config.tls.optfile = "opts";
  config.proto_dist = ProtoDist::inet_tcp;
  CHECK_FALSE(cnode_settings(config, own_address).tls);
  config.proto_dist = ProtoDist::inet_tls;
  CHECK(cnode_settings(config, own_address).tls == config.tls);
}

TEST_CASE("few outgoing handshakes are prepared for one target, more for all") {
  Config config = unusual();
  config.targets = TargetScope::local;
  CHECK(cnode_settings(config, own_address).handshake_threads.outgoing == 10);
  config.targets = TargetScope::all;
  CHECK(cnode_settings(config, own_address).handshake_threads.outgoing == 32);
}

TEST_CASE("an epmd is started only where the setting wants it") {
  Config config = unusual();
  CHECK(cnode_settings(config, own_address).epmd_program.empty());
  config.start_epmd = Switch::on;
  CHECK(cnode_settings(config, own_address).epmd_program == "/opt/epmd");
}

TEST_CASE("each service has a membership, with its own basename or the common one") {
  Config config = unusual();
  config.services = {{"self/service", ""}, {"stacks/shop/services/worker", "worker"}};
  config.labels = {{"colour", LabelRule::Test::same, ""}};
  const auto all = membership_settings(config, own_address);
  REQUIRE(all.size() == 2);
  CHECK(all[0].node_basename == "shop");
  CHECK(all[1].node_basename == "worker");
  CHECK(all[1].service == "stacks/shop/services/worker=worker");
  CHECK(watcher_settings(config).services ==
        std::vector<std::string>{"self/service", "stacks/shop/services/worker"});
  CHECK(watcher_settings(config).label_keys == std::vector<std::string>{"colour"});
}

TEST_CASE("membership gets the settings that decide who belongs") {
  const auto all = membership_settings(unusual(), own_address);
  REQUIRE(all.size() == 1);
  const auto& settings = all.front();
  CHECK(settings.service == "stacks/shop/services/db");
  CHECK(settings.node_basename == "shop");
  CHECK(settings.own_address == own_address);
  CHECK(settings.removal == RemovalPolicy::never);
  CHECK(settings.removal_delay == Milliseconds(20'000));
  CHECK(settings.mass_removal_delay == Milliseconds(120'000));
  CHECK(settings.health == HealthPolicy::passing);
}

TEST_CASE("C-nodes that differ in who is a peer, or who disconnects it, have different deciding settings") {
  struct Row {
    std::string name;
    void (*change)(Config&);
    std::string value;
  };
  const std::vector<Row> rows{
      {"node-basename", [](Config& c) { c.node_basename = "other"; }, "other"},
      {"targets", [](Config& c) { c.targets = TargetScope::all; }, "all"},
      {"metadata-url",
       [](Config& c) {
         c.metadata_urls = {"http://b", "http://a"};
       },
       "http://b,http://a"},
      {"metadata-version", [](Config& c) { c.metadata_version = "latest"; }, "latest"},
      {"service",
       [](Config& c) {
         c.services = {{"b", ""}, {"a", "x"}};
       },
       "a=x,b"},
      {"label",
       [](Config& c) {
         c.labels = {{"d", LabelRule::Test::same, ""},
                     {"c", LabelRule::Test::not_equal, "1"},
                     {"b", LabelRule::Test::equal, "1"},
                     {"a", LabelRule::Test::present, ""}};
       },
       "a,b=1,c!=1,d=self"},
      {"removal", [](Config& c) { c.removal = RemovalPolicy::immediate; }, "immediate"},
      {"removal-delay", [](Config& c) { c.removal_delay = Milliseconds(500); }, "500ms"},
      {"mass-removal-delay", [](Config& c) { c.mass_removal_delay = Milliseconds(500); }, "500ms"},
      {"health", [](Config& c) { c.health = HealthPolicy::any; }, "any"},
      {"disconnect",
       [](Config& c) {
         c.disconnect = ModuleFunction{"m", "f"};
       },
       "m:f"},
  };
  const auto before = deciding_settings(unusual());
  REQUIRE(before.size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(rows[i].name);
    Config config = unusual();
    rows[i].change(config);
    auto after = deciding_settings(config);
    CHECK(after[i] == status::Setting{rows[i].name, rows[i].value});
    CHECK(after[i] != before[i]);
    after[i] = before[i];
    CHECK(after == before);
  }
}

TEST_CASE("what decides nothing, and other words for the same, are no difference in the deciding settings") {
  Config config = unusual();
  config.services = {{"b", ""}, {"a", ""}};
  const auto before = deciding_settings(config);
  config.services = {{"a", "shop"}, {"b", "shop"}};
  config.log_level = LogLevel::debug;
  config.basename = "another";
  CHECK(deciding_settings(config) == before);
}

TEST_CASE("each target's reconciler gets its limits and a seed of its own") {
  const auto target = NodeName::of("shop", own_address);
  const auto settings = reconciler_settings(unusual(), target);
  CHECK(settings.target == target);
  CHECK(settings.max_dials == 7);
  CHECK(settings.probe == ProbeMode::off);
  CHECK(settings.seed != reconciler_settings(unusual(), target).seed);
}

TEST_CASE("without epmd the node accepts no handshakes, and peers are probed at their distribution port") {
  Config config = unusual();
  config.dist_port = 6'789;
  CHECK(cnode_settings(config, own_address).ports.dist_port == 6'789);
  CHECK(cnode_settings(config, own_address).handshake_threads.incoming == 0);
  const auto target = NodeName::of("myapp", own_address);
  CHECK(reconciler_settings(config, target).probe == ProbeMode::off);
  config.probe = ProbeMode::epmd;
  CHECK(reconciler_settings(config, target).probe == ProbeMode::port);
  config.dist_port.reset();
  CHECK(reconciler_settings(config, target).probe == ProbeMode::epmd);
}
