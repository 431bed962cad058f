// The README's table of settings is for people; this keeps it true.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "rancher_cnode/cli/settings.hpp"

using namespace rancher_cnode;

TEST_CASE("the README tells every setting with its argument and its default") {
  std::ifstream file(RANCHER_CNODE_README);
  REQUIRE(file.good());
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  for (const auto& setting : cli::settings()) {
    CAPTURE(setting.name);
    std::string argument(setting.shape == cli::Shape::toggle ? "" : " " + std::string(setting.argument));
    // A vertical bar would end a cell of the table.
    for (std::size_t at = 0; (at = argument.find('|', at)) != std::string::npos; at += 2)
      argument.insert(at, "\\");
    std::string fallback(setting.fallback);
    std::ranges::replace(fallback, ',', ' ');
    const std::string row = "| `" + cli::flag_of(setting.name) + argument + "` | " +
                            (fallback.empty() ? "" : "`" + fallback + "` ") + "| ";
    CAPTURE(row);
    CHECK(readme.find("\n" + row) != std::string::npos);
  }
  for (const auto* flag :
       {"`--config FILE`", "`--print-config`", "`--version`", "`--help`", "`--timeout MS`"}) {
    CAPTURE(flag);
    CHECK(readme.find(flag) != std::string::npos);
  }
}
