// docs/doctor.md against the table of checks and the actions of a plan.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "cli/doctor/checks.hpp"
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

}  // namespace

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
