#include "rancher_cnode/core/utf8.hpp"

#include <doctest/doctest.h>

#include <string_view>

using rancher_cnode::utf8_length;
using namespace std::string_view_literals;

TEST_CASE("the length of the first character is returned, 0 if there is none") {
  const struct {
    std::string_view text;
    std::size_t length;
  } rows[] = {
      {"", 0},
      {"\0"sv, 1},
      {"a", 1},
      {"\x7f", 1},
      {"\x80", 0},
      {"\xbf", 0},
      {"\xc0\x80", 0},
      {"\xc1\xbf", 0},
      {"\xc2\x80", 2},
      {"\xdf\xbf", 2},
      {"\xc2", 0},
      {"\xc2\xc0", 0},
      {"\xe0\x9f\xbf", 0},
      {"\xe0\xa0\x80", 3},
      {"\xed\x9f\xbf", 3},
      {"\xed\xa0\x80", 0},
      {"\xee\x80\x80", 3},
      {"\xef\xbf\xbf", 3},
      {"\xe2\x82", 0},
      {"\xe2\x82z", 0},
      {"\xf0\x8f\xbf\xbf", 0},
      {"\xf0\x90\x80\x80", 4},
      {"\xf4\x8f\xbf\xbf", 4},
      {"\xf4\x90\x80\x80", 0},
      {"\xf5\x80\x80\x80", 0},
      {"\xff", 0},
      {"\xc3\xbc\xc3\x9f", 2},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(utf8_length(row.text) == row.length);
  }
}
