// Each setting reaches the component that it is for.
#include "rancher_cnode/agent/component_settings.hpp"

#include <doctest/doctest.h>

using namespace rancher_cnode;
using namespace rancher_cnode::agent;

namespace {

const Ipv4Address own = *Ipv4Address::parse("10.42.0.1");

/// Every setting differs from what the components have by default.
Config unusual() {
  Config config;
  config.node_basename = "shop";
  config.basename = "helper";
  config.cookie = Cookie("secret");
  config.metadata_urls = {"http://a", "http://b"};
  config.metadata_version = "2015-12-19";
  config.service = "stacks/shop/services/db";
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
  CHECK(settings.service == "stacks/shop/services/db");
  CHECK(settings.watch == WatchMode::off);
  CHECK(settings.polling_interval == Milliseconds(7'000));
}

TEST_CASE("the node gets its name, its cookie, its ports and its limit") {
  const auto settings = cnode_settings(unusual(), own);
  CHECK(settings.name.str() == "helper@10.42.0.1");
  CHECK(settings.cookie.reveal() == "secret");
  CHECK(settings.listen_ports == PortRange{9'000, 9'010});
  CHECK(settings.epmd_port == 4'370);
  CHECK(settings.max_connections == 99);
}

TEST_CASE("few outgoing handshakes are prepared for one target, more for all") {
  Config config = unusual();
  config.targets = TargetScope::local;
  CHECK(cnode_settings(config, own).handshake_threads.outgoing == 10);
  config.targets = TargetScope::all;
  CHECK(cnode_settings(config, own).handshake_threads.outgoing == 32);
}

TEST_CASE("an epmd is started only where the setting wants it") {
  Config config = unusual();
  CHECK(cnode_settings(config, own).epmd_program.empty());
  config.start_epmd = Switch::on;
  CHECK(cnode_settings(config, own).epmd_program == "/opt/epmd");
}

TEST_CASE("membership gets the settings that decide who belongs") {
  const auto settings = membership_settings(unusual(), own);
  CHECK(settings.node_basename == "shop");
  CHECK(settings.own_address == own);
  CHECK(settings.removal == RemovalPolicy::never);
  CHECK(settings.removal_delay == Milliseconds(20'000));
  CHECK(settings.mass_removal_delay == Milliseconds(120'000));
  CHECK(settings.health == HealthPolicy::passing);
}

TEST_CASE("each target's reconciler gets its limits and a seed of its own") {
  const auto target = NodeName::of("shop", own);
  const auto settings = reconciler_settings(unusual(), target);
  CHECK(settings.target == target);
  CHECK(settings.max_dials == 7);
  CHECK(settings.probe == ProbeMode::off);
  CHECK(settings.seed != reconciler_settings(unusual(), target).seed);
}
