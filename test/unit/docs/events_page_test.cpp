// docs/events.md against the table of events.
#include <doctest/doctest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "pages.hpp"
#include "rancher_cnode/log/events.hpp"

using namespace rancher_cnode;

namespace {

std::string levels_of(const Event& event) {
  std::string text;
  for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    if (event.levels.contains(level)) {
      text += (text.empty() ? "" : ", ") + std::string(to_string(level));
    }
  }
  return text;
}

std::vector<std::string> rows_of_table() {
  std::vector<std::string> rows;
  for (const Event& event : event_table::all) {
    const EventText& text = text_of(event);
    rows.push_back(std::string(event.group) + ": `" + std::string(event.name) + "` | " + levels_of(event) +
                   " | " + std::string(text.meaning) + " | " + std::string(text.action));
  }
  return rows;
}

std::vector<std::string> rows_of_page() {
  std::vector<std::string> rows;
  for (const auto& row : pages::rows_of(pages::page("events.md"))) {
    // The table of levels has two columns.
    if (row.cells.size() == 4) {
      rows.push_back(row.heading + ": " + row.cells[0] + " | " + row.cells[1] + " | " + row.cells[2] + " | " +
                     row.cells[3]);
    }
  }
  return rows;
}

std::set<std::string> events() {
  std::set<std::string> names;
  for (const Event& event : event_table::all) {
    names.emplace(event.name);
  }
  return names;
}

}  // namespace

TEST_CASE("the page of events has the rows of the table, in its order") {
  const auto page = rows_of_page();
  const auto table = rows_of_table();
  for (std::size_t i = 0; i < std::min(page.size(), table.size()); ++i) {
    CHECK(page[i] == table[i]);
  }
  CHECK(page.size() == table.size());
}

TEST_CASE("every event is logged somewhere") {
  const std::regex logged(R"x((?:debug|info|warning|error|not_yet)>?\(\s*"([a-z_]+)")x");
  CHECK(pages::missing(events(), pages::found_in(pages::sources(), logged)) == "");
}

TEST_CASE("every event that another page names is on the page of events") {
  const std::regex event(
      "`((?:peer|target|departed_peer|departed_target|metadata|service|containers|long_poll|own_container|"
      "own_address|"
      "epmd|registration|listener|node_name|node_registered|cluster|cookie|inbound|mass_removal_guard|"
      "disconnect|"
      "setting|log_lines|loop|shutdown)_[a-z_]+)`");
  // Settings, fields and results of the library are no events.
  const std::set<std::string> others{"cookie_file", "metadata_address"};
  auto known = events();
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
  CHECK(found > events().size());
  CHECK(pages::missing(
            pages::found_in(pages::text_of(pages::root() / "README.md"), std::regex("event=([a-z_]+)")),
            known) == "");
}
