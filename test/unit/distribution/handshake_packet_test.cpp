#include "distribution/handshake/handshake_packet.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "bytes.hpp"

using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;

namespace {

TermBytes letters(std::size_t count) { return repeated("x", count); }

/// What stands before the name: tag, flags and, if the form has it, the name's length.
TermBytes fixed_part(char tag, std::size_t between, std::optional<std::size_t> length = std::nullopt) {
  TermBytes bytes = join({{tag}, TermBytes(between, '\xff')});
  if (length) {
    bytes = join({bytes, {static_cast<char>(*length >> 8U), static_cast<char>(*length & 0xffU)}});
  }
  return bytes;
}

struct Form {
  Direction direction;
  PacketKind kind;
  char tag;
  std::size_t between;
};

// Version and flags in 2 and 4 bytes, or flags in 8 and a creation in 4; a challenge has 4 more.
constexpr Form old_name{Direction::incoming, PacketKind::name, 'n', 6};
constexpr Form new_name{Direction::incoming, PacketKind::name, 'N', 12};
constexpr Form old_challenge{Direction::outgoing, PacketKind::challenge, 'n', 10};
constexpr Form new_challenge{Direction::outgoing, PacketKind::challenge, 'N', 16};

}  // namespace

TEST_CASE("a name of 1 to 255 characters is read up to the end of an old packet") {
  for (const auto& form : {old_name, old_challenge}) {
    CAPTURE(form.between);
    const auto fixed = fixed_part(form.tag, form.between);
    for (const std::size_t length : {1U, 255U}) {
      const auto packet = read_packet(join({fixed, letters(length)}), form.direction);
      REQUIRE(packet);
      CHECK(packet->kind == form.kind);
      CHECK(packet->text == std::string(length, 'x'));
    }
    CHECK_FALSE(read_packet(fixed, form.direction));
    CHECK_FALSE(read_packet(join({fixed, letters(256)}), form.direction));
  }
}

TEST_CASE("a name of 1 to 255 characters is read by its length in a new packet, whatever follows") {
  for (const auto& form : {new_name, new_challenge}) {
    CAPTURE(form.between);
    for (const std::size_t length : {1U, 255U}) {
      const auto fixed = fixed_part(form.tag, form.between, length);
      for (const auto* after : {"", "more"}) {
        const auto packet = read_packet(join({fixed, letters(length), bytes_of(after)}), form.direction);
        REQUIRE(packet);
        CHECK(packet->kind == form.kind);
        CHECK(packet->text == std::string(length, 'x'));
      }
      CHECK_FALSE(read_packet(join({fixed, letters(length - 1)}), form.direction));
    }
    CHECK_FALSE(read_packet(join({fixed_part(form.tag, form.between, 0), letters(10)}), form.direction));
    CHECK_FALSE(read_packet(join({fixed_part(form.tag, form.between, 256), letters(256)}), form.direction));
    const auto cut = fixed_part(form.tag, form.between + 1);
    CHECK_FALSE(read_packet(cut, form.direction));
  }
}

TEST_CASE("each other packet comes in one direction and in one length") {
  const struct {
    char tag;
    std::size_t size;
    Direction direction;
    PacketKind kind;
  } rows[] = {{'r', 21, Direction::incoming, PacketKind::digest},
              {'a', 17, Direction::outgoing, PacketKind::digest},
              {'c', 9, Direction::incoming, PacketKind::complement}};
  for (const auto& row : rows) {
    CAPTURE(row.tag);
    for (std::size_t size = 1; size < 30; ++size) {
      CAPTURE(size);
      const auto body = join({{row.tag}, letters(size - 1)});
      const auto packet = read_packet(body, row.direction);
      CHECK(packet.has_value() == (size == row.size));
      if (packet) {
        CHECK(packet->kind == row.kind);
      }
      const bool outgoing = row.direction == Direction::outgoing;
      CHECK_FALSE(read_packet(body, outgoing ? Direction::incoming : Direction::outgoing));
    }
  }
}

TEST_CASE("a status is the text after its tag, and is invalid from an inbound connection") {
  CHECK(read_packet(bytes_of("sok"), Direction::outgoing)->text == "ok");
  CHECK_FALSE(read_packet(bytes_of("sok"), Direction::incoming));
}

TEST_CASE("monitors by name are offered in a new name packet alone, in one that holds all its flags") {
  const struct {
    TermBytes before;
    TermBytes after;
  } rows[] = {
      {hex("4e0000000000000001"), hex("4e0000000000000021")},
      {hex("4e00000000000000"), hex("4e00000000000000")},
      {hex("720000000000000001"), hex("720000000000000001")},
  };
  for (const auto& row : rows) {
    auto packet = row.before;
    offer_monitors(packet);
    CHECK(packet == row.after);
  }
}
