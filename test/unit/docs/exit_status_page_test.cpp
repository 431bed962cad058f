// docs/exit-status.md against the statuses that the sources end with.
#include <doctest/doctest.h>

#include <regex>
#include <set>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "pages.hpp"

using namespace rancher_cnode;

namespace {

const std::string exit_statuses = "Exit statuses";

/// Of the rows that name one of these commands, or all.
std::set<std::string> statuses_on_page(const std::string& command = "") {
  std::set<std::string> statuses;
  for (const auto& row : pages::rows_of(pages::page("exit-status.md"))) {
    const bool is_meant = command.empty() || row.cells[1].find("`" + command + "`") != std::string::npos ||
                          row.cells[1] == "all";
    if (row.heading == exit_statuses && is_meant) {
      statuses.insert(row.cells.front());
    }
  }
  return statuses;
}

std::set<std::string> statuses_in_sources() {
  std::set<std::string> statuses;
  const std::string all = pages::sources();
  for (const auto* pattern : {R"(_Exit\((\d+)\))", R"(status = (\d+);)", R"(status = [^;]*\? (\d) : \d;)",
                              R"(status = [^;]*\? \d : (\d);)", R"(_status = (\d{3});)"}) {
    statuses.merge(pages::found_in(all, std::regex(pattern)));
  }
  statuses.merge(pages::found_in(pages::text_of(pages::root() / "c_src" / "cli" / "main.cpp"),
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

TEST_CASE("the page of exit statuses has every status that the sources end with, and no other") {
  REQUIRE(statuses_on_page().size() > 1);
  CHECK(pages::missing(statuses_in_sources(), statuses_on_page()) == "");
  CHECK(pages::missing(statuses_on_page(), statuses_in_sources()) == "");
}

TEST_CASE("the statuses of the command line are those of the page") {
  const auto has = [](const std::string& command, int status) {
    return statuses_on_page(command).contains(std::to_string(status));
  };
  CHECK(has("--help", status_of({"--help"})));
  CHECK(has("--version", status_of({"--version"})));
  CHECK(status_of({"--help"}) == 0);
  for (const auto* command : {"run", "ip", "env", "wait", "status", "check"}) {
    CAPTURE(command);
    CHECK(status_of({command, "--ip=nonsense"}) == 2);
    CHECK(has(command, 2));
    CHECK(has(command, 1));
    CHECK(has(command, 0));
  }
}

TEST_CASE("the page of exit statuses has the signals that end the program") {
  const std::regex signal("(SIG(?:TERM|INT|HUP|QUIT|USR1|USR2|ALRM))");
  std::set<std::string> on_page;
  for (const auto& row : pages::rows_of(pages::page("exit-status.md"))) {
    if (row.heading == "Shutdown triggers") {
      on_page.merge(pages::found_in(row.cells.front(), signal));
    }
  }
  const auto in_sources =
      pages::found_in(pages::text_of(pages::root() / "c_src" / "agent" / "shutdown_triggers.cpp"), signal);
  REQUIRE_FALSE(in_sources.empty());
  CHECK(pages::missing(in_sources, on_page) == "");
  CHECK(pages::missing(on_page, in_sources) == "");
}
