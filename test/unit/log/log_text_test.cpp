// Where the text of a line is cut: at the bound itself, and between two characters.
#include "log/log_text.hpp"

#include <doctest/doctest.h>

#include <string>

using rancher_cnode::log_body;
using rancher_cnode::LogFormat;

namespace {

std::string repeated(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) {
    result += text;
  }
  return result;
}

std::string body_with(LogFormat format, const std::string& value) {
  return log_body(format, "e", "", {{"v", value}});
}

}  // namespace

TEST_CASE("a body of 4000 bytes is whole, and one byte more has its value cut to 1024") {
  const std::string cut(1024, 'x');
  const std::string plain(4000 - std::string("event=e v=").size(), 'x');
  CHECK(body_with(LogFormat::text, plain) == "event=e v=" + plain);
  CHECK(body_with(LogFormat::text, plain + "x") == "event=e v=\"" + cut + "...\"");
  const std::string quoted(4000 - std::string(R"("event":"e","v":"")").size(), 'x');
  CHECK(body_with(LogFormat::json, quoted) == R"("event":"e","v":")" + quoted + '"');
  CHECK(body_with(LogFormat::json, quoted + "x") == R"("event":"e","v":")" + cut + "...\"");
}

TEST_CASE("only values that are longer than the cut are cut") {
  const std::string whole(1024, 'y');
  CHECK(log_body(LogFormat::text, "e", "", {{"a", std::string(4000, 'x')}, {"b", whole}}) ==
        "event=e a=\"" + std::string(1024, 'x') + "...\" b=" + whole);
  CHECK(log_body(LogFormat::json, "e", whole, {{"a", std::string(4000, 'x')}}) ==
        R"("event":"e","message":")" + whole + R"(","a":")" + std::string(1024, 'x') + "...\"");
}

TEST_CASE("values are cut to half as much until the body fits, and no further") {
  const std::string value(1000, 'x');
  const std::string cut = "=\"" + std::string(512, 'x') + "...\"";
  CHECK(log_body(LogFormat::text, "e", "", {{"a", value}, {"b", value}, {"c", value}, {"d", value}}) ==
        "event=e a" + cut + " b" + cut + " c" + cut + " d" + cut);
}

TEST_CASE("no character is cut in half") {
  for (const std::string character : {"\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    for (std::size_t before = 0; before < character.size(); ++before) {
      CAPTURE(character);
      CAPTURE(before);
      const std::string start(before, 'x');
      const std::size_t kept = (1024 - before) / character.size();
      CHECK(body_with(LogFormat::text, start + repeated(character, 2000)) ==
            "event=e v=\"" + start + repeated(character, kept) + "...\"");
    }
  }
}
