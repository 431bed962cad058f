#include "look_pacing.hpp"

#include <doctest/doctest.h>

using namespace rancher_cnode;
using agent::LookPacing;
using agent::Whereabouts;

namespace {

constexpr TimePoint start{};

TimePoint after(int milliseconds) { return start + Milliseconds(milliseconds); }

/// The wait after the last of so many links that ended early.
Milliseconds wait_after_short_links(LookPacing& pacing, int count) {
  Milliseconds wait{};
  for (int i = 0; i < count; ++i) {
    wait = pacing.ended_early(start);
  }
  return wait;
}

/// The wait after the last of so many looks in vain.
Milliseconds wait_after_looks(LookPacing& pacing, int count) {
  Milliseconds wait{};
  for (int i = 0; i < count; ++i) {
    wait = pacing.failed(start);
  }
  return wait;
}

}  // namespace

TEST_CASE("a BEAM on our own host is looked for often while it boots, then less often") {
  LookPacing pacing(Whereabouts::own_host, start);
  CHECK(pacing.failed(after(0)) == Milliseconds(50));
  CHECK(pacing.failed(after(9'999)) == Milliseconds(50));
  CHECK(pacing.failed(after(10'000)) == Milliseconds(250));
}

TEST_CASE("a BEAM on another host is looked for with growing delays, up to a limit") {
  LookPacing pacing(Whereabouts::other_host, start);
  CHECK(pacing.failed(start) == Milliseconds(100));
  CHECK(pacing.failed(start) == Milliseconds(200));
  CHECK(wait_after_looks(pacing, 5) == Milliseconds(6'400));
  CHECK(pacing.failed(start) == Milliseconds(10'000));
  CHECK(wait_after_looks(pacing, 100) == Milliseconds(10'000));
}

TEST_CASE("a BEAM that restarts after a long time is looked for as often as at its first boot") {
  LookPacing pacing(Whereabouts::own_host, start);
  pacing.lasted();
  pacing.ended(after(60'000));
  CHECK(pacing.failed(after(60'001)) == Milliseconds(50));
}

TEST_CASE("links that end early are made anew with growing delays, wherever the BEAM is") {
  for (const auto where : {Whereabouts::own_host, Whereabouts::other_host}) {
    LookPacing pacing(where, start);
    CHECK(pacing.ended_early(start) == Milliseconds(100));
    CHECK(pacing.ended_early(start) == Milliseconds(200));
    CHECK(wait_after_short_links(pacing, 5) == Milliseconds(6'400));
    CHECK(wait_after_short_links(pacing, 1) == Milliseconds(12'800));
    CHECK(wait_after_short_links(pacing, 100) == Milliseconds(900'000));
  }
}

TEST_CASE("a BEAM that refuses us is tried ever less often, wherever it is") {
  for (const auto where : {Whereabouts::own_host, Whereabouts::other_host}) {
    LookPacing pacing(where, start);
    for (const int seconds : {1, 4, 16, 64, 256, 900, 900}) {
      CHECK(pacing.refused() == std::chrono::seconds(seconds));
    }
  }
}

TEST_CASE("refusals cost the application a few log lines an hour") {
  constexpr std::chrono::hours hour(1);
  LookPacing pacing(Whereabouts::own_host, start);
  int first_hour = 0;
  int second_hour = 0;
  for (TimePoint now = start; now < start + 2 * hour; now += pacing.refused()) {
    ++(now < start + hour ? first_hour : second_hour);
  }
  CHECK(first_hour <= 9);
  CHECK(second_hour <= 4);
}

TEST_CASE("a change of its process or of our cookie makes the delays after refusals start over") {
  LookPacing pacing(Whereabouts::own_host, start);
  CHECK(pacing.refused() == Milliseconds(1'000));
  CHECK(pacing.refused() == Milliseconds(4'000));
  pacing.changed(after(60'000));
  CHECK(pacing.failed(after(60'000)) == Milliseconds(50));
  CHECK(pacing.refused() == Milliseconds(1'000));
}

TEST_CASE("neither news nor an epmd that is away make the delays after refusals start over") {
  LookPacing pacing(Whereabouts::own_host, start);
  CHECK(pacing.refused() == Milliseconds(1'000));
  CHECK(pacing.take_news(start));
  CHECK(pacing.failed(start) == Milliseconds(50));
  CHECK(pacing.refused() == Milliseconds(4'000));
}

TEST_CASE("a connection that has lasted makes the delays after refusals start over") {
  LookPacing pacing(Whereabouts::own_host, start);
  CHECK(pacing.refused() == Milliseconds(1'000));
  pacing.lasted();
  CHECK(pacing.refused() == Milliseconds(1'000));
}

TEST_CASE("a link that ends early counts as a look in vain") {
  LookPacing pacing(Whereabouts::other_host, start);
  CHECK(pacing.ended_early(start) == Milliseconds(100));
  CHECK(pacing.failed(start) == Milliseconds(200));
}

TEST_CASE("looks in vain between links that end early do not make the delays start over") {
  LookPacing pacing(Whereabouts::own_host, start);
  CHECK(wait_after_short_links(pacing, 3) == Milliseconds(400));
  CHECK(pacing.failed(start) == Milliseconds(50));
  CHECK(pacing.ended_early(start) == Milliseconds(800));
}

TEST_CASE("once a link has lasted the delays start over") {
  LookPacing pacing(Whereabouts::other_host, start);
  CHECK(wait_after_short_links(pacing, 4) == Milliseconds(800));
  CHECK(pacing.doubtful());
  pacing.lasted();
  CHECK_FALSE(pacing.doubtful());
  CHECK(pacing.failed(start) == Milliseconds(100));
  CHECK(pacing.ended_early(start) == Milliseconds(100));
}

TEST_CASE("news make the delays after looks in vain start over, once in 5 s") {
  LookPacing pacing(Whereabouts::other_host, start);
  CHECK(wait_after_looks(pacing, 4) == Milliseconds(800));
  CHECK(pacing.take_news(after(0)));
  CHECK(wait_after_looks(pacing, 4) == Milliseconds(800));
  CHECK_FALSE(pacing.take_news(after(4'999)));
  CHECK(pacing.failed(start) == Milliseconds(1'600));
  CHECK(pacing.take_news(after(5'000)));
  CHECK(pacing.failed(start) == Milliseconds(100));
}

TEST_CASE("news do not forgive links that ended early") {
  LookPacing pacing(Whereabouts::other_host, start);
  CHECK(wait_after_short_links(pacing, 4) == Milliseconds(800));
  CHECK(pacing.take_news(start));
  CHECK(pacing.ended_early(start) == Milliseconds(1'600));
}

TEST_CASE("an absence begins when the connection ended, early or not") {
  LookPacing early(Whereabouts::own_host, start);
  CHECK(early.ended_early(after(60'000)) == Milliseconds(100));
  CHECK(early.failed(after(69'999)) == Milliseconds(50));
  CHECK(early.failed(after(70'000)) == Milliseconds(250));
}
