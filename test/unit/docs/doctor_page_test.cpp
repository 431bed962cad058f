// docs/doctor.md against the table of checks, the actions of a plan, and what is printed as JSON; and so for
// `check` in docs/status.md.
#include <doctest/doctest.h>

#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "cli/commands/status.hpp"
#include "cli/doctor/checks.hpp"
#include "cli/doctor/rendering.hpp"
#include "cli/plan/plan.hpp"
#include "pages.hpp"

using namespace rancher_cnode;

namespace {

/// The first cells of the rows under a heading.
std::vector<std::string> first_cells(const std::string& heading) {
  std::vector<std::string> cells;
  for (const auto& row : pages::rows_of(pages::page("doctor.md"))) {
    if (row.heading == heading) {
      cells.push_back(row.cells.front());
    }
  }
  return cells;
}

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

/// The names that the sentences list which begin with this text.
std::vector<std::set<std::string>> objects_on(const std::string& name, const std::string& begin) {
  const std::string page = pages::page(name);
  std::vector<std::set<std::string>> objects;
  for (auto at = page.find(begin); at != std::string::npos; at = page.find(begin, at + 1)) {
    objects.push_back(
        pages::codes_in(page.substr(at + begin.size(), page.find(".\n", at) - at - begin.size())));
  }
  return objects;
}

std::set<std::string> keys_in(const std::string& json) {
  return pages::found_in(json, std::regex(R"re("([a-z_]+)":)re"));
}

}  // namespace

TEST_CASE("the page of the doctor has every key of its JSON and of that of a plan, and no other") {
  const auto objects = objects_on("doctor.md", "`--format json` prints one object with ");
  REQUIRE(objects.size() == 2);
  const std::vector<cli::doctor::Finding> findings{{"settings", {cli::doctor::Outcome::ok, "fine", ""}}};
  CHECK(objects[0] == keys_in(cli::doctor::as_json(findings)));
  cli::Plan plan{.target = *NodeName::parse("myapp@10.42.0.1"),
                 .url = "",
                 .version = "",
                 .peers = {},
                 .other_settings = {},
                 .notes = {}};
  plan.peers.push_back({*NodeName::parse("myapp@10.42.0.2"), cli::PlannedAction::keep, "", "", {}});
  auto keys = keys_in(cli::as_json(plan));
  keys.insert("null");  // what after_ms may be
  CHECK(objects[1] == keys);
}

TEST_CASE("the page of the status has every key of a check in JSON, and no other") {
  const auto objects = objects_on("status.md", "`check --format json` prints one object with ");
  REQUIRE(objects.size() == 1);
  CHECK(objects[0] == keys_in(cli::check_json({})));
}

TEST_CASE("the page of the doctor lists every check, in order, and no other") {
  std::vector<std::string> expected;
  for (const auto& check : cli::doctor::checks()) {
    expected.push_back(code(check.name));
  }
  CHECK(first_cells("Checks") == expected);
}

TEST_CASE("the page of the doctor lists every action of a plan, in order, and no other") {
  using cli::PlannedAction;
  std::vector<std::string> expected;
  for (const auto action : {PlannedAction::keep, PlannedAction::dial, PlannedAction::hold,
                            PlannedAction::depart, PlannedAction::leave}) {
    expected.push_back(code(to_string(action)));
  }
  CHECK(first_cells("Plan") == expected);
}
