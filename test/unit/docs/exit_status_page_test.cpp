// docs/exit-status.md against the statuses that the sources end with.
#include <doctest/doctest.h>

#include <regex>
#include <set>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "pages.hpp"

using namespace rancher_cnode;

namespace {

const std::string exit_statuses = "Exit statuses";

std::set<std::string> statuses_in_sources() {
  std::set<std::string> statuses;
  const std::string all = pages::sources();
  for (const auto* pattern : {R"(_Exit\((\d+)\))", R"(status = (\d+);)", R"(status = [^;]*\? (\d) : \d;)",
                              R"(status = [^;]*\? \d : (\d);)", R"(_status = (\d{3});)"}) {
    statuses.merge(pages::found_in(all, std::regex(pattern)));
  }
  statuses.merge(pages::found_in(pages::text_of(pages::root() / "c_src" / "cli" / "commands.cpp"),
                                 std::regex("return (\\d);")));
  // Those of the command are listed as such.
  if (statuses.erase("128") > 0) {
    statuses.insert("128 + n");
    statuses.insert("other");
  }
  return statuses;
}

int status_of(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "rancher_cnode");
  return cli::parse_command_line(static_cast<int>(arguments.size()), arguments.data(),
                                 config::Environment({}))
      .status;
}

}  // namespace

TEST_CASE("the page of exit statuses has the rows of the table of commands, and no other") {
  std::string expected;
  for (const auto& command : cli::commands()) {
    for (const auto& [status, meaning] : command.statuses) {
      expected += "| `" + std::string(command.name) + "` | " + std::string(status) + " | " +
                  std::string(meaning) + " |\n";
    }
  }
  expected +=
      "| all | 2 | Invalid settings or arguments. Standard error names each, with its value and the rule. "
      "|\n";
  expected += "| `--help`, `--version`, `--print-config` | 0 | Printed. |\n";
  std::string on_page;
  for (const auto& row : pages::rows_of(pages::page("exit-status.md"))) {
    on_page += row.heading == exit_statuses ? row.line + "\n" : "";
  }
  CHECK(on_page == expected);
}

TEST_CASE("the table of commands has every status that the sources end with") {
  const auto in_sources = statuses_in_sources();
  REQUIRE(in_sources.size() > 3);
  std::set<std::string> in_table{"2"};
  for (const auto& command : cli::commands()) {
    for (const auto& [status, meaning] : command.statuses) {
      in_table.emplace(status);
    }
  }
  CHECK(pages::missing(in_sources, in_table) == "");
}

TEST_CASE("a bad setting is status 2 of every command, and help is status 0") {
  CHECK(status_of({"--help"}) == 0);
  for (const auto& command : cli::commands()) {
    const std::string name(command.name);
    CAPTURE(name);
    CHECK(status_of({name.c_str(), "--ip=nonsense"}) == 2);
  }
}

TEST_CASE("the page of exit statuses has the signals that the program handles") {
  const std::regex signal("(SIG(?:TERM|INT|HUP|QUIT|USR1|USR2|ALRM))");
  std::set<std::string> on_page;
  for (const auto& row : pages::rows_of(pages::page("exit-status.md"))) {
    if (row.heading == "Shutdown triggers" || row.heading == "Requests by signal") {
      on_page.merge(pages::found_in(row.cells.front(), signal));
    }
  }
  const auto in_sources =
      pages::found_in(pages::text_of(pages::root() / "c_src" / "agent" / "shutdown_triggers.cpp"), signal);
  REQUIRE_FALSE(in_sources.empty());
  CHECK(pages::missing(in_sources, on_page) == "");
  CHECK(pages::missing(on_page, in_sources) == "");
}
