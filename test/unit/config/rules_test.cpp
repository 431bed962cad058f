// What the rules of single values make of a text that keeps them.
#include "rancher_cnode/config/rules.hpp"

#include <doctest/doctest.h>

#include <string>

#include "rancher_cnode/config/messages.hpp"

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

TEST_CASE("a duration is a whole number with its unit, and without one in milliseconds") {
  const struct {
    const char* text;
    std::optional<std::int64_t> milliseconds;
  } rows[] = {
      {"0", 0},
      {"1", 1},
      {"500ms", 500},
      {"10s", 10'000},
      {"2m", 120'000},
      {"8h", 28'800'000},
      {"0s", 0},
      {"1d", 86'400'000},
      {"007s", 7'000},
      {"86400000", 86'400'000},
      {"", {}},
      {"s", {}},
      {"1S", {}},
      {"1 s", {}},
      {" 1s", {}},
      {"-1s", {}},
      {"1.5s", {}},
      {"1s5", {}},
      {"1m30s", {}},
      {"2d", {}},
      {"86400001", {}},
      {"25h", {}},
      {"1w", {}},
      {"1ss", {}},
      {"0x1s", {}},
      {"99999999999999999999", {}},
      {"18446744073709551615d", {}},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.text));
    const auto duration = config::duration_between(row.text, Milliseconds(0), Milliseconds(86'400'000));
    CHECK(duration.has_value() == row.milliseconds.has_value());
    if (duration && row.milliseconds) {
      CHECK(duration->count() == *row.milliseconds);
    }
  }
  CHECK_FALSE(config::duration_between("249ms", Milliseconds(250), Milliseconds(1000)));
  CHECK(config::duration_between("250", Milliseconds(250), Milliseconds(1000)));
  CHECK(config::duration_between("1s", Milliseconds(250), Milliseconds(1000)));
}

TEST_CASE("a duration is shown in the largest exact unit, and read again as the same") {
  const std::pair<std::int64_t, const char*> rows[] = {
      {0, "0"},        {1, "1ms"},        {1500, "1500ms"},   {5'000, "5s"},
      {90'000, "90s"}, {3'600'000, "1h"}, {86'400'000, "1d"}, {172'800'000, "2d"}};
  for (const auto& [milliseconds, text] : rows) {
    CHECK(config::duration_text(Milliseconds(milliseconds)) == text);
    CHECK(config::duration_between(text, Milliseconds(0), Milliseconds::max()) == Milliseconds(milliseconds));
  }
}

TEST_CASE("the HTTP listener listens on all addresses unless it has one") {
  CHECK(config::http_endpoint("9100") == HttpEndpoint{Ipv4Address(), 9100});
  CHECK(config::http_endpoint("127.0.0.1:9100") == HttpEndpoint{Ipv4Address(0x7f000001), 9100});
}
