#include "rancher_cnode/core/printable.hpp"

#include <doctest/doctest.h>

#include <string>

#include "rancher_cnode/core/utf8.hpp"

using rancher_cnode::beginning_of;
using rancher_cnode::printable;
using rancher_cnode::readable;
using namespace std::string_view_literals;

TEST_CASE("what is no plain character of one line is escaped, everything else is left as it is") {
  const struct {
    std::string_view text;
    const char* printed;
  } rows[] = {
      {"", ""},
      {"plain ~ 'text'", "plain ~ 'text'"},
      {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"},
      // Controls: C0, DEL and C1.
      {"a\nb\rc\td", "a\\nb\\rc\\td"},
      {"\0"sv, "\\u0000"},
      {"\x1b[31m", "\\u001b[31m"},
      {"\x1f \x7f", "\\u001f \\u007f"},
      {"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\\u0080\\u009b\\u009f\xc2\xa0"},
      // Quotes.
      {R"(say "no" \o/)", R"(say \"no\" \\o/)"},
      // Not UTF-8: a lone continuation, overlong, a surrogate, beyond Unicode, cut short.
      {"\x80", "\\ufffd"},
      {"\xc0\xaf", "\\ufffd\\ufffd"},
      {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},
      {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
      {"a\xe2\x82", "a\\ufffd\\ufffd"},
      {"\xff\nb", "\\ufffd\\nb"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(printable(row.text) == row.printed);
  }
}

TEST_CASE("outside of quotes only controls and bytes that are no text are escaped, and only once") {
  const struct {
    std::string_view text;
    const char* printed;
  } rows[] = {
      {R"(no node "myapp" on C:\)", R"(no node "myapp" on C:\)"},
      {"\x1b[31m\xc2\x9b\n", "\\u001b[31m\\u009b\\n"},
      {"\xffx", "\\ufffdx"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(readable(row.text) == row.printed);
    CHECK(readable(readable(row.text)) == row.printed);
    CHECK(readable(printable(row.text)) == printable(row.text));
  }
  CHECK(readable("abcd", 3) == "abc...");
}

TEST_CASE("a text is cut at the bound, but not within a character or an escape") {
  const struct {
    std::string_view text;
    std::size_t longest;
    const char* printed;
  } rows[] = {
      {"abc", 3, "abc"},
      {"abcd", 3, "abc..."},
      {"abc", 0, "..."},
      {"", 0, ""},
      {"a\xc3\xbc", 3, "a\xc3\xbc"},
      {"a\xc3\xbc"
       "b",
       2, "a..."},
      {"\xf0\x9f\x98\x80", 3, "..."},
      {"\xf0\x9f\x98\x80x", 4, "\xf0\x9f\x98\x80..."},
      {"\n\n\n", 2, "\\n\\n..."},
      {"\x80\x80\x80\x80\x80\x80", 5, "\\ufffd\\ufffd..."},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(printable(row.text, row.longest) == row.printed);
  }
}

TEST_CASE("every single byte and every pair gives printable UTF-8") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      const std::string printed = printable(text);
      for (std::string_view rest = printed; !rest.empty();
           rest.remove_prefix(rancher_cnode::utf8_length(rest))) {
        REQUIRE(rancher_cnode::utf8_length(rest) > 0);
        REQUIRE((rest.front() & 0xe0) != 0);
        REQUIRE(rest.front() != 0x7f);
      }
    }
  }
}

TEST_CASE("the beginning of a text ends between two characters") {
  CHECK(beginning_of("abc", 5) == "abc");
  CHECK(beginning_of("abc", 3) == "abc");
  CHECK(beginning_of("abc", 2) == "ab");
  CHECK(beginning_of("a\xe2\x82\xac", 3) == "a");
}
