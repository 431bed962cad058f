// Pages of the documentation as tests read them: text, and tables row by row. Used by the tests of this
// folder, which hold the pages against the program.
#pragma once

#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace rancher_cnode::pages {

/// One row of a table, without the rows of its header.
struct Row {
  std::string heading;             ///< the nearest heading above, without '#'
  std::string line;                ///< as it stands
  std::vector<std::string> cells;  ///< without blanks around; \| is |
};

[[nodiscard]] std::filesystem::path root();
/// Every *.md of the tree itself, not of what is built or fetched.
[[nodiscard]] std::vector<std::filesystem::path> all_pages();
/// Fails the test if the file cannot be read.
[[nodiscard]] std::string text_of(const std::filesystem::path& path);
/// Of a page in docs/.
[[nodiscard]] std::string page(const std::string& name);
[[nodiscard]] std::vector<Row> rows_of(const std::string& markdown);

/// What stands in backticks.
[[nodiscard]] std::set<std::string> codes_in(const std::string& cell);
/// Everything in text that is the pattern's first group.
[[nodiscard]] std::set<std::string> found_in(const std::string& text, const std::regex& pattern);
/// All sources of the program, one after the other.
[[nodiscard]] std::string sources();

/// Empty if all of `from` is known; else what is not, for a message.
[[nodiscard]] std::string missing(const std::set<std::string>& from, const std::set<std::string>& known);

}  // namespace rancher_cnode::pages
