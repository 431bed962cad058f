// What the rules of single values make of a text that keeps them.
#include "rancher_cnode/config/rules.hpp"

#include <doctest/doctest.h>

#include <string>

#include "rancher_cnode/config/raw_config.hpp"

using namespace rancher_cnode;

TEST_CASE("a base URL is kept without its trailing slashes") {
  const struct {
    const char* given;
    const char* kept;
  } rows[] = {{"http://rancher-metadata", "http://rancher-metadata"},
              {"http://rancher-metadata/", "http://rancher-metadata"},
              {"http://169.254.169.250:80//", "http://169.254.169.250:80"},
              {"https://h.example:65535/a/b.c/%7E~d", "https://h.example:65535/a/b.c/%7E~d"},
              {"file:///srv/metadata/", "file:///srv/metadata"}};
  for (const auto& row : rows) {
    CAPTURE(row.given);
    CHECK(config::base_url(row.given) == std::string(row.kept));
  }
}

TEST_CASE("unusual but printable atoms are accepted as module and function") {
  for (const auto* text : {"net_kernel:connect_node", "Elixir.My.App:ok?", "a-b:c!", "1:2", "m/x:f@n"}) {
    CAPTURE(text);
    CHECK(config::module_function(text).has_value());
  }
}

TEST_CASE("a value is repeated up to 120 characters") {
  const std::string longest(120, 'x');
  CHECK(config::shown(longest) == "'" + longest + "'");
  CHECK(config::shown(longest + "x") == "'" + longest + "...'");
  CHECK(config::shown(" ~\x1f ~\x7f") == "' ~\\u001f ~\\u007f'");
}
