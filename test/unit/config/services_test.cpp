// The settings that choose the peers: --service and --label.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "rancher_cnode/config/rules.hpp"
#include "rancher_cnode/config/validation.hpp"

using namespace rancher_cnode;
using config::Environment;
using config::Origin;
using config::Purpose;
using config::RawValue;

TEST_CASE("a service is named once, in the case that the metadata has") {
  const auto validated = [](std::vector<std::string> services, const std::string& version) {
    return config::validate({{"service", RawValue{std::move(services), Origin::flag, ""}},
                             {"metadata-version", RawValue{{version}, Origin::flag, ""}}},
                            Environment(Environment::Variables{}), Purpose::ask_address);
  };
  const auto lower = validated({"self/service", "stacks/Shop/services/Worker=worker"}, "latest");
  CHECK(lower.problems.empty());
  CHECK(lower.config.services ==
        std::vector<PeerService>{{"self/service", ""}, {"stacks/shop/services/worker", "worker"}});
  CHECK(validated({"stacks/Shop/services"}, "2015-12-19").config.services.front().path ==
        "stacks/Shop/services");
  const auto twice = validated({"stacks/a/services/b=c", "stacks/A/services/b=c"}, "latest");
  REQUIRE(twice.problems.size() == 1);
  CHECK(twice.problems.front().ends_with(
      "must name each service once with each BASENAME: stacks/a/services/b=c"));
  CHECK(validated({"self/service", "self/service=c", "self/service=d"}, "latest").problems.empty());
  CHECK(validated({"stacks/a/services/b", "stacks/A/services/b"}, "2015-12-19").problems.empty());
  std::vector<std::string> many;
  for (int i = 0; i < 65; ++i) {
    many.push_back("stacks/a/services/" + std::to_string(i));
  }
  const auto too_many = validated(many, "latest");
  REQUIRE(too_many.problems.size() == 1);
  CHECK(too_many.problems.front().ends_with("must not be given more than 64 times"));
}

TEST_CASE("services that are set while the program runs follow the rules of --service") {
  const auto services =
      config::peer_services({"stacks/Shop/services/Worker=worker", "self/service"}, "latest");
  REQUIRE(services.has_value());
  CHECK(*services ==
        std::vector<PeerService>{{"stacks/shop/services/worker", "worker"}, {"self/service", ""}});
  const auto message = [](std::vector<std::string> texts) {
    const auto refused = config::peer_services(std::move(texts), "latest");
    return refused ? "" : refused.error().message;
  };
  CHECK(message({}) == "--service must be given at least once");
  CHECK(message({"a//b"}).starts_with("--service 'a//b' must be a path like self/service"));
  CHECK(message({"a/b", "A/b"}) == "--service 'a/b' must name each service once with each BASENAME: a/b");
  CHECK(message({"a//b", "c d"}).find("\n--service 'c d' must be") != std::string::npos);
  std::vector<std::string> many;
  for (int i = 0; i < 65; ++i) {
    many.push_back("a/" + std::to_string(i));
  }
  CHECK(message(many).ends_with("must not be given more than 64 times"));
}

TEST_CASE("a state file and labels exclude each other") {
  const auto validated = config::validate({{"label", RawValue{{"a=b"}, Origin::flag, ""}},
                                           {"state-file", RawValue{{"/members.json"}, Origin::flag, ""}}},
                                          Environment(Environment::Variables{}), Purpose::ask_address);
  REQUIRE(validated.problems.size() == 1);
  CHECK(validated.problems.front().starts_with("--state-file '/members.json' must not be set with --label"));
}

TEST_CASE("a label is present, equal, not equal, or that of the own container") {
  using Test = LabelRule::Test;
  const std::pair<const char*, LabelRule> rows[] = {
      {"colour", {"colour", Test::present, ""}},
      {"colour=blue", {"colour", Test::equal, "blue"}},
      {"io.rancher.x/y:z=a:b", {"io.rancher.x/y:z", Test::equal, "a:b"}},
      {"colour!=blue", {"colour", Test::not_equal, "blue"}},
      {"colour=self", {"colour", Test::same, ""}},
      {"colour!=self", {"colour", Test::not_equal, "self"}}};
  for (const auto& [text, rule] : rows) {
    CAPTURE(text);
    CHECK(config::label_rule(text) == rule);
  }
  for (const auto* bad :
       {"", "=blue", "!=blue", "colour=", "colour!=", "a=b=c", "a b", "a,b", "a=b,c", "a#b"}) {
    CAPTURE(bad);
    CHECK_FALSE(config::label_rule(bad).has_value());
  }
  CHECK_FALSE(config::label_rule(std::string(256, 'a')).has_value());
}
