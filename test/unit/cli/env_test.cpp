// The command `env`.
#include "cli/commands/env.hpp"

#include <doctest/doctest.h>

#include "support/unit/scripted_metadata.hpp"
#include "unit/cli/commanded.hpp"

using namespace rancher_cnode;
using cli::shell_assignments;
using cli::test::silent_log;
using config::Environment;

namespace {

/// With the address from a setting, as $CONTAINER_IP is.
Config addressed(const std::string& basename = "") {
  Config config;
  config.ip = *Ipv4Address::parse("10.42.0.7");
  config.node_basename = basename;
  return config;
}

std::string lines(const Config& config, Environment::Variables variables) {
  const auto assignments =
      shell_assignments(config, std::nullopt, Environment(std::move(variables)), silent_log());
  REQUIRE(assignments);
  return *assignments;
}

constexpr const char* ip = "export CONTAINER_IP='10.42.0.7'\n";
constexpr const char* long_names = "export RELEASE_DISTRIBUTION='name'\n";

}  // namespace

TEST_CASE("env prints the address and, where the release's name is known, that of its node") {
  const std::string node = "export RELEASE_NODE='shop@10.42.0.7'\n";
  CHECK(lines(addressed(), {}) == ip);
  CHECK(lines(addressed(), {{"RELEASE_NAME", "shop"}}) == std::string(ip) + long_names + node);
  CHECK(lines(addressed("shop"), {}) == std::string(ip) + long_names + node);
  CHECK(lines(addressed("shop"), {{"RELEASE_NAME", "another"}}) == std::string(ip) + long_names + node);
}

TEST_CASE("env prints only what is not set, and empty counts as not set") {
  const std::string node = "export RELEASE_NODE='shop@10.42.0.7'\n";
  CHECK(lines(addressed("shop"), {{"RELEASE_NODE", "own@10.42.0.7"}}) == std::string(ip) + long_names);
  CHECK(lines(addressed("shop"), {{"RELEASE_DISTRIBUTION", "none"}, {"CONTAINER_IP", "10.42.0.7"}}) == node);
  CHECK(lines(addressed("shop"), {{"CONTAINER_IP", ""}, {"RELEASE_NODE", ""}}) ==
        std::string(ip) + long_names + node);
  CHECK(lines(addressed("shop"),
              {{"CONTAINER_IP", "a"}, {"RELEASE_DISTRIBUTION", "b"}, {"RELEASE_NODE", "c"}}) == "");
}

TEST_CASE("env refuses a name that no BEAM takes") {
  for (const auto* node : {"shop@", "@10.42.0.7", "-@", "shop@10.42.0.7@x", "a.b@10.42.0.7"}) {
    CAPTURE(node);
    const auto refused =
        shell_assignments(addressed("shop"), std::nullopt,
                          Environment(Environment::Variables{{"RELEASE_NODE", node}}), silent_log());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.starts_with("$RELEASE_NODE: "));
  }
  CHECK(lines(addressed("shop"), {{"RELEASE_NODE", "shop"}}) == std::string(ip) + long_names);
}
