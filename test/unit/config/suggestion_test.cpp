// Which name a misspelt one is taken for.
#include "rancher_cnode/config/suggestion.hpp"

#include <doctest/doctest.h>

#include <utility>

using namespace rancher_cnode;

TEST_CASE("a name with at most two wrong letters is suggested, the nearest first") {
  const std::vector<std::string> names{"status", "wait", "check", "polling-interval", "on", "off", "json"};
  const std::pair<std::string, std::string> rows[] = {
      {"statsu", "status"},
      {"tatus", "status"},
      {"sttatus", "status"},
      {"stotus", "status"},
      {"chekc", "check"},
      {"chek", "check"},
      {"polling_interval", "polling-interval"},
      {"poling-intervall", "polling-interval"},
      {"jsn", "json"},
      {"offf", "off"},
      {"wiat", "wait"},
      {"poling-intervalll", ""},
      {"walk", ""},
      {"x", ""},
      {"", ""},
      {"STATUS", ""},
      {"xxxx", ""},
      {std::string(100'000, 'a'), ""},
  };
  for (const auto& [word, name] : rows) {
    CAPTURE(word);
    CHECK(config::did_you_mean(word, names) == (name.empty() ? "" : "; did you mean '" + name + "'?"));
  }
  CHECK(config::did_you_mean("polling-interval", {}) == "");
  CHECK(config::did_you_mean("abcdefgi", {"abcdefxy", "abcdefgh"}) == "; did you mean 'abcdefgh'?");
}
