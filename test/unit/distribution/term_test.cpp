#include "rancher_cnode/distribution/term.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "bytes.hpp"

using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
using rancher_cnode::ErrorCode;

namespace {

const Pid a_pid{"beam@10.42.0.7", 123, 4, 0xfffffff0};
const Reference a_reference{"beam@10.42.0.7", 77, 3, {0x3ffff, 0xffffffff, 5}};

}  // namespace

TEST_CASE("what was written is read back") {
  TermWriter writer;
  writer.version().tuple(8).atom("ok").integer(-7).binary("bytes").boolean(true).pid(a_pid).reference(
      a_reference);
  writer.list(2).atom("a").atom("b").nil().map(1).atom("key").integer(1);
  TermReader reader(writer.bytes());
  REQUIRE(reader.version());
  CHECK(reader.tuple() == 8U);
  CHECK(reader.atom() == "ok");
  CHECK(reader.integer() == -7);
  CHECK(reader.binary() == "bytes");
  CHECK(reader.atom() == "true");
  CHECK(reader.pid() == a_pid);
  CHECK(reader.reference() == a_reference);
  CHECK(reader.list() == 2U);
  CHECK(reader.accept_atom("a"));
  CHECK(reader.accept_atom("b"));
  CHECK(reader.nil());
  CHECK(reader.map() == 1U);
  CHECK(reader.accept_atom("key"));
  CHECK(reader.integer() == 1);
  CHECK(reader.at_end());
}

TEST_CASE("integers of every size within 64 bits are read back") {
  const std::int64_t rows[] = {0,
                               255,
                               256,
                               -1,
                               std::numeric_limits<std::int32_t>::max(),
                               std::numeric_limits<std::int32_t>::min(),
                               std::int64_t{1} << 40,
                               std::numeric_limits<std::int64_t>::max(),
                               std::numeric_limits<std::int64_t>::min()};
  for (const auto value : rows) {
    CAPTURE(value);
    CHECK(TermReader(TermWriter().integer(value).bytes()).integer() == value);
  }
}

TEST_CASE("an integer beyond 64 bits is malformed, and can be passed over") {
  for (const auto* digits :
       {"6e08000000000000000080", "6e0900000000000000000001", "6e09010000000000000080ff"}) {
    CAPTURE(digits);
    const auto bytes = hex(digits);
    TermReader reader(bytes);
    REQUIRE_FALSE(reader.integer());
    CHECK(reader.skip());
    CHECK(reader.at_end());
  }
}

TEST_CASE("an empty list is nil, however it is written") {
  CHECK(TermWriter().list(0).nil().bytes() == hex("6a"));
  CHECK(TermReader(hex("6a")).list() == 0U);
}

TEST_CASE("every real term is recognised and passed over whole") {
  for (const auto& term : real_terms()) {
    CAPTURE(term.what);
    const auto two = join({term.bytes, hex("6a")});
    TermReader reader(two);
    CHECK(reader.peek() == term.type);
    const auto skipped = reader.skip();
    REQUIRE(skipped);
    CHECK(skipped->size() == term.bytes.size());
    CHECK(reader.nil());
  }
}

TEST_CASE("every truncation of every real term is malformed, and printing it is safe") {
  for (const auto& term : real_terms()) {
    CAPTURE(term.what);
    for (std::size_t length = 0; length < term.bytes.size(); ++length) {
      // A copy of just this length, so that a sanitizer sees a read beyond it.
      const TermBytes cut(term.bytes.begin(), term.bytes.begin() + static_cast<std::ptrdiff_t>(length));
      CAPTURE(length);
      TermReader reader(cut);
      const auto skipped = reader.skip();
      REQUIRE_FALSE(skipped);
      CHECK(skipped.error().code == ErrorCode::malformed);
      CHECK(reader.rest().size() == cut.size());
      CHECK(printed(cut, 40).size() <= 43);
    }
  }
}

TEST_CASE("asking for another type leaves the reader where it was") {
  for (const auto& term : real_terms()) {
    CAPTURE(term.what);
    TermReader reader(term.bytes);
    const auto stays = [&](bool read, TermType type) {
      if (term.type == type) {
        reader = TermReader(term.bytes);
        return true;
      }
      return !read && reader.rest().size() == term.bytes.size();
    };
    CHECK(stays(reader.atom().has_value(), TermType::atom));
    CHECK(stays(reader.integer().has_value(), TermType::integer));
    CHECK(stays(reader.binary().has_value(), TermType::binary));
    CHECK(stays(reader.tuple().has_value(), TermType::tuple));
    CHECK(stays(reader.map().has_value(), TermType::map));
    CHECK(stays(reader.pid().has_value(), TermType::pid));
    CHECK(stays(reader.reference().has_value(), TermType::reference));
    CHECK(stays(reader.nil().has_value(), TermType::nil));
    if (term.type != TermType::nil) {
      CHECK(stays(reader.list().has_value(), TermType::list));
    }
    CHECK(stays(reader.version().has_value(), TermType::bits));
    CHECK_FALSE(reader.accept_atom("nothing"));
    CHECK_FALSE(reader.accept_tuple(99));
  }
}

TEST_CASE("each of the 256 tags alone is refused or is nil") {
  for (int tag = 0; tag < 256; ++tag) {
    CAPTURE(tag);
    const TermBytes bytes{static_cast<char>(tag)};
    CHECK(TermReader(bytes).skip().has_value() == (tag == 'j'));
  }
}

TEST_CASE("counts that the bytes cannot hold are refused") {
  const char* const rows[] = {
      "69ffffffff",                   // a tuple of 4294967295
      "6cffffffff6a",                 // a list
      "74ffffffff",                   // a map
      "6dffffffff",                   // a binary
      "4dffffffff01",                 // bits
      "6bffff",                       // a string
      "6fffffffff00",                 // a big integer
      "6eff00",                       // a smaller one
      "76ffff",                       // an atom
      "77ff",                         // a smaller one
      "70ffffffff",                   // a fun
      "7000000003",                   // a fun that is shorter than its own length
      "69000000056a6a6a6a",           // one element is missing
      "5a000077016100000001",         // a reference of 0 words
      "586a000000090000000000000001"  // a pid whose node is no atom
  };
  for (const auto* digits : rows) {
    CAPTURE(digits);
    const auto bytes = hex(digits);
    CHECK_FALSE(TermReader(bytes).skip());
    CHECK_FALSE(TermReader(bytes).reference());
    CHECK_FALSE(TermReader(bytes).pid());
  }
}

TEST_CASE("a reference of more than five words is refused although all of them are there") {
  const auto reference_of = [](std::size_t words) {
    const TermBytes count{static_cast<char>(words >> 8U), static_cast<char>(words & 0xffU)};
    return join({hex("5a"), count, hex("77016100000001"), repeated(std::string_view("\0\0\0\1", 4), words)});
  };
  CHECK(TermReader(reference_of(5)).skip());
  for (const std::size_t words : {6U, 255U, 65'535U}) {
    CAPTURE(words);
    const auto bytes = reference_of(words);
    CHECK_FALSE(TermReader(bytes).skip());
    CHECK_FALSE(TermReader(bytes).reference());
  }
}

TEST_CASE("a reference of any number of words is written as it is read") {
  for (const std::uint32_t words : {1U, 2U, 5U}) {
    CAPTURE(words);
    Reference reference{"x", 3, words, {}};
    std::fill_n(reference.words.begin(), words, 7U);
    const auto bytes = TermWriter().reference(reference).take();
    CHECK(bytes.size() == 1 + 2 + 3 + 4 + 4 * words);
    CHECK(TermReader(bytes).reference() == reference);
  }
}

TEST_CASE("a fun's length counts itself and nothing more is needed") {
  CHECK(TermReader(hex("7000000004")).skip());
  CHECK_FALSE(TermReader(hex("7000000003")).skip());
}

TEST_CASE("empty input has no version") { CHECK_FALSE(TermReader({}).version()); }

TEST_CASE("depth costs no stack") {
  constexpr std::size_t deep = 1'000'000;
  SUBCASE("lists in lists") {
    const auto bytes = join({repeated(std::string_view("l\0\0\0\1", 5), deep / 5), hex("6a")});
    CHECK_FALSE(TermReader(bytes).skip());
    CHECK(printed(bytes).size() <= 203);
  }
  SUBCASE("tuples in tuples, whole") {
    const auto bytes = join({repeated("h\1", deep / 2), hex("6a")});
    CHECK(TermReader(bytes).skip());
  }
  SUBCASE("a pid whose node is a pid whose node is a pid") {
    const auto bytes = repeated("X", deep);
    CHECK_FALSE(TermReader(bytes).skip());
    CHECK_FALSE(TermReader(bytes).pid());
  }
  SUBCASE("references in references") {
    const auto bytes = repeated(std::string_view("Z\0\3", 3), deep / 3);
    CHECK_FALSE(TermReader(bytes).skip());
  }
}

TEST_CASE("atoms are read in every encoding, as UTF-8") {
  const std::string grin = "\xf0\x9f\x98\x80";
  std::string grins;
  for (int i = 0; i < 255; ++i) {
    grins += grin;
  }
  const struct {
    TermBytes bytes;
    std::string text;
  } rows[] = {
      {hex("7302e9ff"), "\xc3\xa9\xc3\xbf"},
      {hex("640001e9"), "\xc3\xa9"},
      {hex("73027f80"), "\x7f\xc2\x80"},
      {hex("7702c3a9"), "\xc3\xa9"},
      {hex("760002c3a9"), "\xc3\xa9"},
      {join({hex("7603fc"), bytes_of(grins)}), grins},
      {join({hex("73ff"), repeated("\xe9", 255)}), std::string(repeated("\xc3\xa9", 255).data(), 510)},
      {hex("7703616200"), std::string("ab\0", 3)},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    TermReader reader(row.bytes);
    CHECK(reader.atom() == row.text);
    CHECK(reader.at_end());
  }
}

TEST_CASE("an atom is not mistaken for another that ends at its NUL") {
  const auto bytes = hex("7703616200");
  CHECK_FALSE(TermReader(bytes).accept_atom("ab"));
}

TEST_CASE("an atom of more than 255 characters is refused") {
  CHECK_FALSE(TermReader(join({hex("760100"), repeated("a", 256)})).atom());
  CHECK_FALSE(TermReader(join({hex("640100"), repeated("a", 256)})).atom());
  CHECK_FALSE(TermReader(join({hex("7603fd"), repeated("\xf0\x9f\x98\x80", 255), bytes_of("a")})).skip());
}

TEST_CASE("an atom that is no UTF-8 is refused, as a node's name too") {
  for (const auto* text :
       {"80", "c3", "c0af", "e282", "e08080", "eda080", "f0808080", "f4908080", "f8", "ff61"}) {
    CAPTURE(text);
    const auto atom = join({hex("77"), {static_cast<char>(hex(text).size())}, hex(text)});
    TermReader reader(atom);
    CHECK_FALSE(reader.atom());
    CHECK(reader.rest().size() == atom.size());
    CHECK(reader.skip());
    const auto pid = join({hex("58"), atom, hex("000000090000000000000001")});
    CHECK_FALSE(TermReader(pid).pid());
    const auto tag = join({hex("5a0001"), atom, hex("0000000100000002")});
    CHECK_FALSE(TermReader(tag).reference());
  }
}

TEST_CASE("pids and references are read as they were written before OTP 23, too") {
  CHECK(TermReader(hex("6764000e6265616d403132372e302e302e31000000090000000a01")).pid() ==
        Pid{"beam@127.0.0.1", 9, 10, 1});
  CHECK(TermReader(hex("7200027701780300000001ffffffff")).reference() ==
        Reference{"x", 3, 2, {1, 0xffffffff}});
  CHECK(TermReader(hex("5a000577017800000003"
                       "0000000100000002000000030000000400000005"))
            .reference() == Reference{"x", 3, 5, {1, 2, 3, 4, 5}});
}

TEST_CASE("terms are printed as Erlang writes them, cut at the limit") {
  const struct {
    TermBytes bytes;
    std::size_t limit;
    std::string text;
  } rows[] = {
      {hex("68026400026f6b680261016102"), 100, "{ok,{1,2}}"},
      {hex("6c00000003640001616c00000001640001626a620000012c6a"), 100, "[a,[b],300]"},
      {hex("6c0000000164000161640001626a"), 100, "[a|b]"},
      {hex("6b000474657874"), 100, "\"text\""},
      {hex("6b00030a1b41"), 100, "[10,27,65]"},
      {hex("6b0002ff01"), 100, "[255,1]"},
      {hex("6b00056120090a62"), 100, "\"a \\t\\nb\""},
      {hex("6d000000017f"), 100, "<<1 bytes>>"},
      {hex("6d0000000474657874"), 100, "<<\"text\">>"},
      {hex("6d00000003000102"), 100, "<<3 bytes>>"},
      {hex("5864000e6265616d403132372e302e302e3100000009000000006b04a43e"), 100, "<beam@127.0.0.1.9>"},
      {hex("6e09000000000000000000ff"), 100, "<<big>>"},
      {hex("68026e09000000000000000000ff6101"), 100, "{<<big>>,1}"},
      {hex("6a"), 100, "[]"},
      {hex("ff"), 100, "<<malformed>>"},
      {{}, 100, "<<malformed>>"},
      {hex("680261"), 100, "{<<malformed>>"},
      {hex("680274000000016a"), 100, "{<<malformed>>"},
      {hex("68027701ff6a"), 100, "{<<malformed>>"},
      {hex("6802587701ff0000000900000000000000016a"), 100, "{<<malformed>>"},
      {hex("64000561616161614142"), 5, "aaaaa"},
      {join({hex("6400ff"), repeated("a", 255)}), 5, "aaaaa..."},
      {join({hex("69000003e8"), repeated("a\x01", 1000)}), 7, "{1,1,1,..."},
      {hex("74000000016a6a"), 100, "..."},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(printed(row.bytes, row.limit) == row.text);
  }
}

TEST_CASE("printing a nested term ends at some depth") {
  const auto bytes = join({repeated("h\1", 100), hex("6a")});
  CHECK(printed(bytes) == std::string(17, '{') + "...");
  // Each list's tail is a list: [[]|[[]|[[]|...
  const auto tails = join({repeated(std::string_view("l\0\0\0\1j", 6), 100), hex("6a")});
  const auto begun = repeated("[[]|", 16);
  CHECK(printed(tails) == std::string(begun.begin(), begun.end()) + "[...");
}
