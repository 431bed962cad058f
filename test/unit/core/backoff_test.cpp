#include "rancher_cnode/core/backoff.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <utility>

using namespace rancher_cnode;

namespace {

/// Returns the lower or the upper end, and remembers what it was asked for.
struct Ends {
  bool upper;
  std::pair<Duration, Duration> asked;
  Duration between(Duration low, Duration high) {
    asked = {low, high};
    return upper ? high : low;
  }
};

}  // namespace

TEST_CASE("the delay grows by its factor with each failure, up to the limit") {
  const struct {
    Backoff backoff;
    Milliseconds expected[6];
  } rows[] = {
      {Backoff(Milliseconds(100), Milliseconds(1'000)),
       {Milliseconds(100), Milliseconds(200), Milliseconds(400), Milliseconds(800), Milliseconds(1'000),
        Milliseconds(1'000)}},
      {Backoff(Milliseconds(1), Milliseconds(16)),
       {Milliseconds(1), Milliseconds(2), Milliseconds(4), Milliseconds(8), Milliseconds(16),
        Milliseconds(16)}},
      {Backoff(Milliseconds(10), Milliseconds(1'000), 4),
       {Milliseconds(10), Milliseconds(40), Milliseconds(160), Milliseconds(640), Milliseconds(1'000),
        Milliseconds(1'000)}},
      {Backoff(Milliseconds(50), Milliseconds(20)),
       {Milliseconds(20), Milliseconds(20), Milliseconds(20), Milliseconds(20), Milliseconds(20),
        Milliseconds(20)}},
  };
  for (const auto& row : rows) {
    Backoff backoff = row.backoff;
    CHECK(backoff.after(0) == row.expected[0]);
    for (std::uint32_t i = 0; i < 6; ++i) {
      CAPTURE(i);
      CHECK(backoff.next() == row.expected[i]);
      CHECK(backoff.failures() == i + 1);
      CHECK(backoff.after(i + 1) == row.expected[i]);
    }
  }
}

TEST_CASE("after a reset the delay starts over") {
  Backoff backoff(Milliseconds(100), Milliseconds(1'000));
  backoff.next();
  backoff.next();
  backoff.reset();
  CHECK(backoff.failures() == 0);
  CHECK(backoff.next() == Milliseconds(100));
}

TEST_CASE("however many failures there were, the delay is the limit") {
  const Backoff backoff(Milliseconds(1), std::chrono::hours(24 * 365));
  CHECK(backoff.after(std::numeric_limits<std::uint32_t>::max()) == std::chrono::hours(24 * 365));
}

TEST_CASE("a jittered delay is drawn from the upper half of the delay") {
  for (const bool upper : {false, true}) {
    Ends ends{upper, {}};
    CHECK(jittered(Milliseconds(300), ends) == Milliseconds(upper ? 300 : 150));
    CHECK(ends.asked == std::pair<Duration, Duration>(Milliseconds(150), Milliseconds(300)));
  }
}
