// The README's table of settings is for people; this keeps it true.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "rancher_cnode/cli/settings.hpp"

using namespace rancher_cnode;

namespace {

/// A vertical bar would end a cell of the table.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

std::string row_of(const cli::Setting& setting) {
  const bool toggle = setting.shape == cli::Shape::toggle;
  std::string fallback(setting.fallback);
  std::ranges::replace(fallback, ',', ' ');
  return "| `" + cli::flag_of(setting.name) + (toggle ? "" : cell(" " + std::string(setting.argument))) +
         "` | " + (fallback.empty() ? "" : "`" + fallback + "` ") + "| " + cell(std::string(setting.help)) +
         (setting.shape == cli::Shape::list ? " May be repeated." : "") + " |\n";
}

}  // namespace

TEST_CASE("the README lists every setting as --help does") {
  std::ifstream file(RANCHER_CNODE_README);
  REQUIRE(file.good());
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  for (const auto& setting : cli::settings()) {
    CAPTURE(row_of(setting));
    CHECK(readme.find("\n" + row_of(setting)) != std::string::npos);
  }
  for (const auto* flag :
       {"`--config FILE`", "`--print-config`", "`--version`", "`--help`", "`--timeout MS`"}) {
    CAPTURE(flag);
    CHECK(readme.find(flag) != std::string::npos);
  }
}
