#include "rancher_cnode/core/wrapped.hpp"

#include <doctest/doctest.h>

#include <limits>

using rancher_cnode::columns_of;
using rancher_cnode::wrapped;

TEST_CASE("a line breaks between words, and goes on at its indent") {
  const struct {
    std::string_view line;
    std::size_t width;
    std::size_t indent;
    const char* text;
  } rows[] = {
      {"", 10, 2, ""},
      {"beam       a b c", std::numeric_limits<std::size_t>::max(), 11, "beam       a b c"},
      {"0123456789 123456789", 20, 2, "0123456789 123456789"},
      {"0123456789 1234567890", 20, 2, "0123456789\n  1234567890"},
      {"beam       one two three four five six seven", 31, 11,
       "beam       one two three four\n           five six seven"},
      // A word that is too long stays whole, and beside its label.
      {"url        http://0123456789012345678901234567890 ok", 31, 11,
       "url        http://0123456789012345678901234567890\n           ok"},
      // Where little would be left beside the indent, there is next to none.
      {"check      one two three", 15, 11, "check      one\n  two three"},
      {"           one two three", 15, 11, "           one\n  two three"},
      // Colours and continuations of UTF-8 have no columns.
      {"\x1b[31mred\x1b[0m \xc3\xbc\xc3\xbc\xc3\xbc end", 7, 2,
       "\x1b[31mred\x1b[0m \xc3\xbc\xc3\xbc\xc3\xbc\n  end"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    CHECK(wrapped(row.line, row.width, row.indent) == row.text);
  }
  CHECK(columns_of("\x1b[31mr\xc3\xbc\x1b[0m") == 2);
}
