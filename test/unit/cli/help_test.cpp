// What --help and --version print.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "rancher_cnode/config/settings.hpp"
#include "unit/cli/invoke.hpp"

namespace {

using namespace rancher_cnode;
using cli::test::invoke;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from);
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

}  // namespace

TEST_CASE("help and version are printed with status 0, whatever else is wrong") {
  const auto version = invoke({"--version", "--ip=nonsense"});
  CHECK(version.command == "");
  CHECK(version.status == 0);
  CHECK(version.output == "rancher_cnode " + std::string(cli::program_version()) + " " +
                              std::string(cli::program_build()) + "\n");
  CHECK(invoke({"--version", "--unknown"}).output == version.output);
  for (const auto* flag : {"--help", "-h"}) {
    const auto help = invoke({flag, "--unknown"});
    CHECK(help.status == 0);
    CHECK(help.output.find("Usage: rancher_cnode") == 0);
  }
}

TEST_CASE("help of a command shows its usage, flags with range and default, and exit statuses") {
  for (const auto& command : cli::commands()) {
    const std::string name(command.name);
    const std::string help = invoke({name.c_str(), "--help"}).output;
    CAPTURE(name);
    const std::string first = name == "run" ? "[run]" : name;
    CHECK(help.starts_with("Usage: rancher_cnode " + first));
    for (const auto& flag : command.flags) {
      CHECK(help.find("\n  " + std::string(flag.name)) != std::string::npos);
    }
  }
  const std::string help = invoke({"check", "--help"}).output;
  CHECK(help.find("[--min N] ") != std::string::npos);
  CHECK(help.find("Timeout for the answer. 0 = no limit. 0 to 1d. [1s]\n") != std::string::npos);
  CHECK(help.find("\nExit status:\n  0  ") != std::string::npos);
  CHECK(help.ends_with("A bad setting.\n"));
}

TEST_CASE("help lists every setting within 100 columns") {
  std::string help = invoke({"--help"}).output;
  for (const auto& command : cli::commands()) {
    help += invoke({std::string(command.name).c_str(), "--help"}).output;
  }
  for (const auto& setting : config::settings()) {
    CAPTURE(setting.name);
    CHECK(help.find("\n  " + config::flag_of(setting.name)) != std::string::npos);
  }
  std::size_t from = 0;
  for (std::size_t end = help.find('\n'); end != std::string::npos;
       from = end + 1, end = help.find('\n', from)) {
    CAPTURE(help.substr(from, end - from));
    CHECK(end - from <= 100);
  }
}

TEST_CASE("the texts of help are in one column and fill each line") {
  constexpr std::size_t column = 33;
  const std::string indent(column, ' ');
  const auto lines = lines_of(invoke({"--help"}).output);
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    if (!lines[i].starts_with("  ") || lines[i].starts_with("       rancher_cnode")) {
      continue;
    }
    CAPTURE(lines[i]);
    const std::string& next = lines[i + 1];
    const bool text_here = lines[i].size() > column && lines[i].substr(column - 2, 2) == "  ";
    if (text_here) {
      CHECK(lines[i][column] != ' ');
      // The first word of a line has no room in the one before.
      if (next.starts_with(indent)) {
        CHECK(lines[i].size() + 1 + std::min(next.find(' ', column), next.size()) - column > 100);
      }
    } else {
      // What is too long for the column, with two blanks behind it, stands in a line of its own.
      CHECK(lines[i].size() + 2 > column);
      CHECK(next.starts_with(indent));
    }
  }
}

TEST_CASE("help groups the settings and shows each default except that of a switch") {
  const std::string help = invoke({"--help"}).output;
  const auto has = [&](std::string_view part) { return help.find(part) != std::string::npos; };
  for (const auto& setting : config::settings()) {
    CAPTURE(setting.group);
    const std::string heading = "\n\n" + std::string(setting.group) + ":\n";
    CHECK(has(heading));
    CHECK(help.find(heading) == help.rfind(heading));
  }
  CHECK(has("[5s]"));
  CHECK(has("[net_kernel:connect_node]"));
  CHECK(has("May be repeated."));
  CHECK(has("[http://rancher-metadata"));
  CHECK_FALSE(has("[http://rancher-metadata,"));
  CHECK_FALSE(has("[off]"));
}
