// What is reported about settings: those in effect, and variables that none has.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "unit/cli/invoke.hpp"

namespace {

using namespace rancher_cnode;
using cli::Invocation;
using cli::test::invoke;

}  // namespace

TEST_CASE("the settings in effect are listed with their sources, the cookie redacted") {
  const auto invocation =
      invoke({"--node-basename=a"}, {{"RELEASE_COOKIE", "hush"}, {"CONTAINER_IP", "10.42.0.7"}});
  const auto from = [&](const std::string& name) -> std::string {
    const auto found = std::ranges::find(invocation.settings, name, &cli::SettingInEffect::name);
    return found == invocation.settings.end() ? "none" : found->value + " from " + found->from;
  };
  CHECK(from("node-basename") == "\"a\" from --node-basename");
  CHECK(from("ip") == "\"10.42.0.7\" from $CONTAINER_IP");
  CHECK(from("polling-interval") == "\"5s\" from default");
  CHECK(from("disconnect") == "none");
  CHECK(from("cookie") == "(redacted) from the BEAM, else $RELEASE_COOKIE");
}

namespace {

struct Lines final : Log::Sink {
  void line(std::string_view text) override { all.emplace_back(text.substr(text.find(' ') + 1)); }
  std::vector<std::string> all;
};

}  // namespace

TEST_CASE(
    "the first line of a C-node has its version, its build, its process and the names of the settings that "
    "are not "
    "default") {
  const auto lines = std::make_shared<Lines>();
  const auto invocation = invoke({"--node-basename=a", "--log-level=info"},
                                 {{"RELEASE_COOKIE", "hush"}, {"CONTAINER_IP", "10.42.0.7"}});
  cli::log_invocation(invocation, Log(LogLevel::info, LogFormat::text, lines));
  REQUIRE(lines->all.size() == 1);
  CHECK(lines->all[0] == "info event=starting version=" + std::string(cli::program_version()) + " build=" +
                             std::string(cli::program_build()) + " pid=" + std::to_string(::getpid()) +
                             " settings_changed=node-basename,ip,log-level");
}

TEST_CASE("the log gets each warning, and as debug each setting in effect") {
  const auto lines = std::make_shared<Lines>();
  Invocation invocation;
  invocation.warnings = {"$RANCHER_CNODE_A is not a setting", "$RANCHER_CNODE_B is not a setting"};
  invocation.settings = {{"ip", "\"10.42.0.7\"", "$CONTAINER_IP"}};
  cli::log_invocation(invocation, Log(LogLevel::debug, LogFormat::text, lines));
  CHECK(
      lines->all ==
      std::vector<std::string>{
          "warning event=setting_ignored msg=\"$RANCHER_CNODE_A is not a setting\" variable=RANCHER_CNODE_A",
          "warning event=setting_ignored msg=\"$RANCHER_CNODE_B is not a setting\" variable=RANCHER_CNODE_B",
          R"(debug event=setting name=ip value="\"10.42.0.7\"" from=$CONTAINER_IP)"});
}

TEST_CASE("an unknown variable with our prefix is a warning") {
  const auto invocation = invoke({"--node-basename=a"}, {{"RANCHER_CNODE_COOKIE", "c"},
                                                         {"RANCHER_CNODE_CONFIG", ""},
                                                         {"RANCHER_CNODE_POLING_INTERVAL", "1"},
                                                         {"RANCHER_CNODE_", "x"},
                                                         {"RANCHER_OTHER", "x"}});
  CHECK(invocation.command == "run");
  CHECK(invocation.warnings ==
        std::vector<std::string>{"$RANCHER_CNODE_ is not a setting",
                                 "$RANCHER_CNODE_POLING_INTERVAL is not a setting; did you mean "
                                 "'RANCHER_CNODE_POLLING_INTERVAL'?"});
}
