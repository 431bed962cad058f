#include "distribution/big_endian.hpp"

#include <doctest/doctest.h>

#include "bytes.hpp"

using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;

TEST_CASE("numbers of every width are written and read with their first byte first") {
  const struct {
    std::size_t width;
    std::uint64_t value;
    const char* bytes;
  } rows[] = {
      {1, 0, "00"},
      {1, 0xff, "ff"},
      {2, 0x1234, "1234"},
      {2, 0x80ff, "80ff"},
      {4, 0x1, "00000001"},
      {4, 0xfedcba98, "fedcba98"},
      {8, 0x8123456789abcdef, "8123456789abcdef"},
      {8, 0xffffffffffffffff, "ffffffffffffffff"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.bytes);
    std::vector<char> written;
    append_big_endian(written, row.width, row.value);
    CHECK(written == hex(row.bytes));
    CHECK(big_endian(written) == row.value);
  }
  CHECK(big_endian({}) == 0);
}

TEST_CASE("a number is appended to what is there, without the bytes that do not fit") {
  std::vector<char> bytes = hex("aa");
  append_big_endian(bytes, 2, 0x12345);
  CHECK(bytes == hex("aa2345"));
}
