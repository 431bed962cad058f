// docs/events.md against the statements of the sources that write to a log.
#include <doctest/doctest.h>

#include <map>
#include <regex>
#include <set>
#include <string>

#include "pages.hpp"

using namespace rancher_cnode;

namespace {

const std::string name = "([a-z]+(?:_[a-z]+)+)";

/// A word in snake_case of two parts at least, alone in quotes, in a statement that writes to a log.
std::set<std::string> events_in_sources() {
  std::set<std::string> events;
  const std::regex statement(R"((?:log_?\.(?:debug|info|warning|error|write|warn)|log_body)\(([^;]*);)");
  const std::regex word("\"" + name + "\"");
  const std::regex field(R"(\{"[a-z_]+",)");
  for (const auto& each : pages::found_in(pages::sources(), statement)) {
    events.merge(pages::found_in(std::regex_replace(each, field, "{"), word));
  }
  return events;
}

/// Of those statements that name the level.
std::map<std::string, std::set<std::string>> levels_in_sources() {
  const std::string all = pages::sources();
  std::map<std::string, std::set<std::string>> levels;
  for (const std::string level : {"debug", "info", "warning", "error"}) {
    const std::regex statement("log_?\\." + level + "\\(\\s*\"" + name + "\"");
    for (const auto& event : pages::found_in(all, statement)) {
      levels[event].insert(level);
    }
  }
  return levels;
}

std::map<std::string, std::string> levels_on_page() {
  std::map<std::string, std::string> levels;
  for (const auto& row : pages::rows_of(pages::page("events.md"))) {
    // The table of levels has two columns.
    if (row.cells.size() == 4) {
      for (const auto& event : pages::codes_in(row.cells.front())) {
        CAPTURE(event);
        CHECK(levels.emplace(event, row.cells[1]).second);
      }
    }
  }
  // The one event whose name is a single word.
  levels.erase("setting");
  return levels;
}

std::set<std::string> events_on_page() {
  std::set<std::string> events;
  for (const auto& [event, level] : levels_on_page()) {
    events.insert(event);
  }
  return events;
}

}  // namespace

TEST_CASE("the page of events has every event that the sources log, and no other") {
  CHECK(pages::missing(events_in_sources(), events_on_page()) == "");
  CHECK(pages::missing(events_on_page(), events_in_sources()) == "");
}

TEST_CASE("the page of events has the levels at which the sources log") {
  const auto on_page = levels_on_page();
  const auto in_sources = levels_in_sources();
  REQUIRE(in_sources.size() > 30);
  for (const auto& [event, levels] : in_sources) {
    const auto found = on_page.find(event);
    CAPTURE(event);
    if (found != on_page.end()) {
      std::string expected;
      for (const auto& level : levels) {
        expected += (expected.empty() ? "" : ", ") + level;
      }
      CHECK(found->second == expected);
    }
  }
}

TEST_CASE("every event that another page names is on the page of events") {
  const std::regex event(
      "`((?:peer|target|departed_peer|departed_target|metadata|service|containers|long_poll|own_container|"
      "own_address|"
      "epmd|registration|listener|node_name|node_registered|cluster|cookie|inbound|mass_removal_guard|"
      "disconnect|"
      "setting|log_lines|loop|shutdown)_[a-z_]+)`");
  // Settings and results of the library are no events.
  const std::set<std::string> others{"cookie_file"};
  auto known = events_on_page();
  known.insert(others.begin(), others.end());
  std::size_t found = 0;
  for (const auto& path : pages::all_pages()) {
    // The fields of the status have names of the same kind, and the changelog has old ones.
    if (path.filename() != "status.md" && path.filename() != "CHANGELOG.md") {
      CAPTURE(path.string());
      const auto named = pages::found_in(pages::text_of(path), event);
      CHECK(pages::missing(named, known) == "");
      found += named.size();
    }
  }
  CHECK(found > events_on_page().size());
  CHECK(pages::missing(
            pages::found_in(pages::text_of(pages::root() / "README.md"), std::regex("event=([a-z_]+)")),
            known) == "");
}
