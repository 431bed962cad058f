#include "rancher_cnode/distribution/frame.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <random>
#include <string>

#include "bytes.hpp"

using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
using rancher_cnode::ErrorCode;

namespace {

void feed(FrameReader& reader, std::span<const char> bytes) {
  const auto room = reader.prepare(bytes.size());
  REQUIRE(room.size() >= bytes.size());
  std::copy(bytes.begin(), bytes.end(), room.begin());
  reader.commit(bytes.size());
}

/// The frames that are whole by now, each as text.
std::vector<std::string> frames_of(FrameReader& reader) {
  std::vector<std::string> all;
  while (true) {
    const auto frame = reader.next();
    REQUIRE(frame);
    if (!frame->has_value()) {
      return all;
    }
    all.emplace_back((*frame)->begin(), (*frame)->end());
  }
}

/// How many bytes a reader holds that has handed out all that it was fed.
std::size_t memory_of(FrameReader& reader) { return ::malloc_usable_size(reader.prepare(1).data()); }

const std::vector<std::string> expected{"", "hello", "", "x", std::string(300, 'y')};

TermBytes stream() {
  return join({tick_frame(), hex("00000005"), bytes_of("hello"), tick_frame(), hex("00000001"), bytes_of("x"),
               hex("0000012c"), bytes_of(std::string(300, 'y'))});
}

}  // namespace

TEST_CASE("a stream gives the same frames wherever it is split") {
  const auto bytes = stream();
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    CAPTURE(at);
    FrameReader reader;
    feed(reader, std::span<const char>(bytes).first(at));
    auto frames = frames_of(reader);
    feed(reader, std::span<const char>(bytes).subspan(at));
    for (auto& frame : frames_of(reader)) {
      frames.push_back(std::move(frame));
    }
    CHECK(frames == expected);
  }
}

TEST_CASE("a stream gives the same frames one byte at a time and in random pieces") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto bytes = stream();
  for (int round = 0; round < 200; ++round) {
    const std::size_t longest = round == 0 ? 1 : 1 + random() % 400;
    FrameReader reader;
    std::vector<std::string> frames;
    for (std::span<const char> left(bytes); !left.empty();) {
      const auto size = std::min<std::size_t>(left.size(), 1 + random() % longest);
      feed(reader, left.first(size));
      left = left.subspan(size);
      for (auto& frame : frames_of(reader)) {
        frames.push_back(std::move(frame));
      }
    }
    REQUIRE(frames == expected);
  }
}

TEST_CASE("a frame of the greatest length is accepted, and one of a byte more is refused") {
  FrameReader reader;
  feed(reader, hex("01000000"));
  for (std::size_t i = 0; i < 16; ++i) {
    const auto early = reader.next();
    REQUIRE(early);
    REQUIRE_FALSE(early->has_value());
    feed(reader, std::vector<char>(std::size_t{1} << 20U, 'z'));
  }
  const auto frame = reader.next();
  REQUIRE(frame);
  REQUIRE(frame->has_value());
  CHECK((*frame)->size() == max_frame_length);

  for (const auto* header : {"01000001", "7fffffff", "80000000", "ffffffff"}) {
    CAPTURE(header);
    FrameReader refusing;
    feed(refusing, hex(header));
    const auto refused = refusing.next();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::too_large);
  }
}

TEST_CASE("an empty buffer above 64 KiB is given back, a smaller one is kept") {
  constexpr std::size_t most_kept = std::size_t{64} << 10U;
  for (const std::size_t size : {most_kept, most_kept + 1, std::size_t{1} << 20U}) {
    CAPTURE(size);
    FrameReader reader;
    feed(reader, pass_through_frame({}, std::vector<char>(size - frame_header_length - 1)));
    CHECK(frames_of(reader).size() == 1);
    CHECK((memory_of(reader) >= most_kept) == (size <= most_kept));
  }
}

TEST_CASE("a stream takes no more memory the longer it lasts") {
  constexpr int rounds = 50;
  const auto frame = pass_through_frame({}, std::vector<char>(1'000, 'z'));
  std::size_t split = 0;
  SUBCASE("when every read ends with a frame") {}
  SUBCASE("when no read ends with a frame") { split = 1; }
  const TermBytes begin(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(split));
  const TermBytes rest(frame.begin() + static_cast<std::ptrdiff_t>(split), frame.end());
  FrameReader reader;
  feed(reader, begin);
  for (int i = 0; i < rounds; ++i) {
    feed(reader, join({rest, begin}));
    REQUIRE(frames_of(reader).size() == 1);
  }
  feed(reader, rest);
  REQUIRE(frames_of(reader).size() == 1);
  CHECK(memory_of(reader) < 10 * frame.size());
}

TEST_CASE("no more is read at once than was asked for, however much room there is") {
  FrameReader reader;
  feed(reader, hex("00100000"));
  feed(reader, std::vector<char>((std::size_t{1} << 20U) + 2, 'z'));
  CHECK(frames_of(reader).size() == 1);
  CHECK(reader.prepare(100).size() == 100);
}

TEST_CASE("a pass-through frame has its length, its type and both terms") {
  CHECK(pass_through_frame(bytes_of("ctl"), bytes_of("msg")) == join({hex("00000007"), bytes_of("pctlmsg")}));
  CHECK(pass_through_frame(bytes_of("ctl"), {}) == join({hex("00000004"), bytes_of("pctl")}));
  CHECK(tick_frame() == hex("00000000"));
}
