#include "rancher_cnode/config/environment.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

using rancher_cnode::config::Environment;

namespace {

/// What a process with these entries would have.
Environment of_process_with(std::vector<std::string> entries) {
  std::vector<char*> pointers;
  for (auto& entry : entries) {
    pointers.push_back(entry.data());
  }
  pointers.push_back(nullptr);
  char** const kept = std::exchange(environ, pointers.data());
  auto environment = Environment::of_process();
  environ = kept;
  return environment;
}

}  // namespace

TEST_CASE("the value of a variable follows the first equals sign of its entry") {
  const auto environment = of_process_with({"A=1", "URL=http://a?x=1"});
  CHECK(environment.get("A") == "1");
  CHECK(environment.get("URL") == "http://a?x=1");
  CHECK(environment.get("B") == std::nullopt);
}

TEST_CASE("the first of two entries with one name counts, as for getenv") {
  CHECK(of_process_with({"A=first", "A=second"}).get("A") == "first");
}

TEST_CASE("an entry without an equals sign is not a variable") {
  const auto environment = of_process_with({"RANCHER_CNODE_X", "RANCHER_CNODE_Y=1"});
  CHECK(environment.names_with_prefix("RANCHER_CNODE_") == std::vector<std::string>{"RANCHER_CNODE_Y"});
}
