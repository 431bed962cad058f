// What is refused of a command line, and in which words.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "invoke.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "support/unit/temporary_file.hpp"

using namespace rancher_cnode;
using cli::Invocation;
using cli::test::invoke;
using cli::test::Variables;

TEST_CASE("exec without a command, and a command without exec, are refused") {
  for (const auto& arguments :
       std::vector<std::vector<const char*>>{{"exec"}, {"exec", "--"}, {"exec", "--once"}}) {
    CHECK(invoke(arguments).output ==
          "rancher_cnode: bad setting: exec needs a command: rancher_cnode exec [settings] -- COMMAND "
          "[ARGUMENT...]\n");
    CHECK(invoke(arguments).status == 2);
  }
  CHECK(invoke({"exec", "true"})
            .output.starts_with("rancher_cnode: bad setting: unknown command 'true'; see --help\n"));
  CHECK(invoke({"run", "--", "true"}).output ==
        "rancher_cnode: bad setting: unknown flag '--'; see --help\n");
}

TEST_CASE("an unknown flag, or one without its value, is one line and status 2") {
  const struct {
    std::vector<const char*> arguments;
    const char* line;
  } rows[] = {
      {{"--nope"}, "rancher_cnode: bad setting: unknown flag '--nope'; see --help\n"},
      {{"--nope=hush"}, "rancher_cnode: bad setting: unknown flag '--nope'; see --help\n"},
      {{"-x"}, "rancher_cnode: bad setting: unknown flag '-x'; see --help\n"},
      {{"walk"}, "rancher_cnode: bad setting: unknown command 'walk'; see --help\n"},
      {{"run", "ip"}, "rancher_cnode: bad setting: unknown command 'ip'; see --help\n"},
      {{"run", "--timeout=1"}, "rancher_cnode: bad setting: unknown flag '--timeout'; see --help\n"},
      {{"a\nb"}, "rancher_cnode: bad setting: unknown command 'a\\nb'; see --help\n"},
      {{"--ip=", "--once"}, "rancher_cnode: bad setting: '--ip=' has no value\n"},
      {{"--ip"}, "rancher_cnode: bad setting: '--ip' has no value\n"},
      {{"--node-basename", "--once"}, "rancher_cnode: bad setting: '--node-basename' has no value\n"},
      {{"--once", "--ip", "--node-basename=a"}, "rancher_cnode: bad setting: '--ip' has no value\n"},
      {{"--config", "--once"}, "rancher_cnode: bad setting: '--config' has no value\n"},
      {{"ip", "--timeout", "--watch", "off"}, "rancher_cnode: bad setting: '--timeout' has no value\n"},
      {{"--once="}, "rancher_cnode: bad setting: '--once=' has no value\n"},
      {{"--start-epmd=yes", "--node-basename=a"},
       "rancher_cnode: bad setting: --start-epmd 'yes' must be on or off\n"},
      {{"--exit-on-eof=1", "--node-basename=a"},
       "rancher_cnode: bad setting: --exit-on-eof '1' must be on or off\n"},
      {{"--once=On", "--node-basename=a"}, "rancher_cnode: bad setting: --once 'On' must be on or off\n"},
      {{"--once", "off", "--node-basename=a"},
       "rancher_cnode: bad setting: unknown command 'off'; see --help\n"},
      {{"--epmd=ep\"md", "--node-basename=a"},
       "rancher_cnode: bad setting: --epmd 'ep\\\"md' must be a program without control characters, quotes, "
       "backslash and #\n"},
      {{"ip", "--timeout=soon"},
       "rancher_cnode: bad setting: --timeout 'soon' must be a duration from 0 to 1d, as 500ms, 10s, 2m, 8h "
       "or 1d; a plain number is in milliseconds\n"},
      {{"ip", "--timeout=86400001"},
       "rancher_cnode: bad setting: --timeout '86400001' must be a duration from 0 to 1d, as 500ms, 10s, 2m, "
       "8h or 1d; a plain number is in milliseconds\n"},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.line));
    const auto invocation = invoke(row.arguments);
    CHECK(invocation.command == "");
    CHECK(invocation.status == 2);
    CHECK(invocation.output == row.line);
  }
}

TEST_CASE("all bad settings of all sources are reported, a line each") {
  const TemporaryDirectory directory;
  const std::string file = "--config=" + directory.file("c.toml", "nope = 1\nwatch = maybe\n");
  const auto invocation = invoke({"check", "--mni=1", "--timeout=x", "--ip=y", file.c_str(), "--removal"},
                                 {{"RANCHER_CNODE_PROBE", "z"}});
  CHECK(invocation.status == 2);
  std::vector<std::string> beginnings;
  std::istringstream lines(invocation.output);
  for (std::string line; std::getline(lines, line);) {
    REQUIRE(line.starts_with("rancher_cnode: bad setting: "));
    line = line.substr(28);
    beginnings.push_back(line.substr(0, line.find(' ', line.find('\''))));
  }
  CHECK(beginnings == std::vector<std::string>{"unknown flag '--mni';", "--timeout 'x'", "'--removal'",
                                               "--config '" + directory.path() + "/c.toml':", "--ip 'y'",
                                               "--watch 'maybe'", "--probe 'z'"});
}

TEST_CASE("a misspelt flag or command is reported with the one that it may stand for") {
  const std::pair<std::vector<const char*>, const char*> rows[] = {
      {{"--poling-interval=5s"}, "unknown flag '--poling-interval'; did you mean '--polling-interval'?"},
      {{"check", "--mim", "hush"}, "unknown flag '--mim'; did you mean '--min'?"},
      {{"run", "--mim", "hush"}, "unknown flag '--mim'; see --help"},
      {{"run", "--verison"}, "unknown flag '--verison'; did you mean '--version'?"},
      {{"stauts"}, "unknown command 'stauts'; did you mean 'status'?"},
      {{"status", "--format=jsn"},
       "--format 'jsn' must be one of table|json|prometheus|erlang; did you mean 'json'?"},
  };
  for (const auto& [arguments, line] : rows) {
    CHECK(invoke(arguments).output == "rancher_cnode: bad setting: " + std::string(line) + "\n");
  }
}

TEST_CASE("bad settings are JSON where the log is, whatever its source") {
  const TemporaryDirectory directory;
  const std::string file = "--config=" + directory.file("c.toml", "nope = 1\nlog-format = json\n");
  const std::vector<Invocation> all{invoke({"--ip=x", "--nope", "--log-format=json"}),
                                    invoke({"--ip=x", "--nope"}, {{"RANCHER_CNODE_LOG_FORMAT", "json"}}),
                                    invoke({"--ip=x", file.c_str()})};
  for (const auto& invocation : all) {
    CHECK(invocation.status == 2);
    std::istringstream lines(invocation.output);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      CHECK(line.starts_with("{\"time\":\""));
      CHECK(line.find("\",\"level\":\"error\",\"event\":\"bad_setting\",\"message\":\"") !=
            std::string::npos);
      CHECK(line.ends_with("\"}"));
    }
    CHECK(count == 2);
  }
  const Variables json{{"RANCHER_CNODE_LOG_FORMAT", "json"}};
  CHECK(invoke({"--ip=x", "--log-format=text"}, json).output.starts_with("rancher"));
}

TEST_CASE("a value may begin with dashes where it cannot be a flag") {
  CHECK(invoke({"--node-basename=--a", "--basename", "-b"}).config.node_basename == "--a");
  CHECK(invoke({"--node-basename=a", "--basename", "-b"}).config.basename == "-b");
  // The value of one flag is not taken for a flag that lacks its own.
  CHECK(invoke({"--node-basename=a", "--cookie-file", "ip", "--once"}).output.find("has no value") ==
        std::string::npos);
}

TEST_CASE("a toggle is on by its name, and on or off by its value") {
  const auto switches = [](std::vector<const char*> flags) {
    flags.push_back("--node-basename=a");
    const auto invocation = invoke(std::move(flags));
    REQUIRE(invocation.output == "");
    return std::vector{invocation.config.start_epmd, invocation.config.exit_on_eof, invocation.config.once};
  };
  const std::vector on(3, Switch::on);
  const std::vector off(3, Switch::off);
  CHECK(switches({"--start-epmd", "--exit-on-eof", "--once"}) == on);
  CHECK(switches({"--start-epmd=on", "--exit-on-eof=true", "--once=on"}) == on);
  CHECK(switches({"--start-epmd=off", "--exit-on-eof=false", "--once=off"}) == off);
  CHECK(switches({}) == off);
}

TEST_CASE("an invalid port of epmd is one line and status 2, for every command") {
  for (const auto* command : {"run", "ip", "wait"}) {
    CAPTURE(command);
    const auto invocation =
        invoke({command, "--node-basename=a"}, {{"RANCHER_CNODE_COOKIE", "c"}, {"ERL_EPMD_PORT", "65536"}});
    CHECK(invocation.status == 2);
    CHECK(invocation.output ==
          "rancher_cnode: bad setting: $ERL_EPMD_PORT '65536' must be a whole number from 1 to 65535\n");
  }
}

TEST_CASE("a cookie on the command line is refused and not repeated") {
  for (const auto& arguments : std::vector<std::vector<const char*>>{
           {"--cookie", "hush"}, {"--cookie=hush"}, {"--setcookie", "hush"}, {"-setcookie", "hush"}}) {
    const auto invocation = invoke(arguments);
    CHECK(invocation.status == 2);
    CHECK(invocation.output.find("--cookie-file") != std::string::npos);
    CHECK(invocation.output.find("hush") == std::string::npos);
  }
}
