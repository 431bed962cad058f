#include "agent/reconnect_backoff.hpp"

#include <doctest/doctest.h>

using namespace rancher_cnode;
using agent::Locality;
using agent::ReconnectBackoff;

namespace {

constexpr TimePoint start{};

TimePoint after(int milliseconds) { return start + Milliseconds(milliseconds); }

/// The delay after this many connections that ended early.
Milliseconds delay_after_short_connections(ReconnectBackoff& backoff, int count) {
  Milliseconds wait{};
  for (int i = 0; i < count; ++i) {
    wait = backoff.ended_early(start);
  }
  return wait;
}

/// The delay after this many failed attempts.
Milliseconds delay_after_failures(ReconnectBackoff& backoff, int count) {
  Milliseconds wait{};
  for (int i = 0; i < count; ++i) {
    wait = backoff.failed(start);
  }
  return wait;
}

}  // namespace

TEST_CASE("a local BEAM is tried often while it boots, then less often") {
  ReconnectBackoff backoff(Locality::local, start);
  CHECK(backoff.failed(after(0)) == Milliseconds(50));
  CHECK(backoff.failed(after(9'999)) == Milliseconds(50));
  CHECK(backoff.failed(after(10'000)) == Milliseconds(250));
}

TEST_CASE("a remote BEAM is tried with growing delays, up to a limit") {
  ReconnectBackoff backoff(Locality::remote, start);
  CHECK(backoff.failed(start) == Milliseconds(100));
  CHECK(backoff.failed(start) == Milliseconds(200));
  CHECK(delay_after_failures(backoff, 5) == Milliseconds(6'400));
  CHECK(backoff.failed(start) == Milliseconds(10'000));
  CHECK(delay_after_failures(backoff, 100) == Milliseconds(10'000));
}

TEST_CASE("a BEAM that restarts after a long time is tried as often as at its first boot") {
  ReconnectBackoff backoff(Locality::local, start);
  backoff.stabilized();
  backoff.ended(after(60'000));
  CHECK(backoff.failed(after(60'001)) == Milliseconds(50));
}

TEST_CASE("connections that end early are retried with growing delays, local and remote") {
  for (const auto where : {Locality::local, Locality::remote}) {
    ReconnectBackoff backoff(where, start);
    CHECK(backoff.ended_early(start) == Milliseconds(100));
    CHECK(backoff.ended_early(start) == Milliseconds(200));
    CHECK(delay_after_short_connections(backoff, 5) == Milliseconds(6'400));
    CHECK(delay_after_short_connections(backoff, 1) == Milliseconds(12'800));
    CHECK(delay_after_short_connections(backoff, 100) == Milliseconds(900'000));
  }
}

TEST_CASE("a BEAM that refuses us is tried ever less often, wherever it is") {
  for (const auto where : {Locality::local, Locality::remote}) {
    ReconnectBackoff backoff(where, start);
    for (const int seconds : {1, 4, 16, 64, 256, 900, 900}) {
      CHECK(backoff.refused() == std::chrono::seconds(seconds));
    }
  }
}

TEST_CASE("refusals cost the application a few log lines an hour") {
  constexpr std::chrono::hours hour(1);
  ReconnectBackoff backoff(Locality::local, start);
  int first_hour = 0;
  int second_hour = 0;
  for (TimePoint now = start; now < start + 2 * hour; now += backoff.refused()) {
    ++(now < start + hour ? first_hour : second_hour);
  }
  CHECK(first_hour <= 9);
  CHECK(second_hour <= 4);
}

TEST_CASE("a change of its process or of our cookie makes the delays after refusals start over") {
  ReconnectBackoff backoff(Locality::local, start);
  CHECK(backoff.refused() == Milliseconds(1'000));
  CHECK(backoff.refused() == Milliseconds(4'000));
  backoff.changed(after(60'000));
  CHECK(backoff.failed(after(60'000)) == Milliseconds(50));
  CHECK(backoff.refused() == Milliseconds(1'000));
}

TEST_CASE("neither an external change nor an unavailable epmd resets the delays after refusals") {
  ReconnectBackoff backoff(Locality::local, start);
  CHECK(backoff.refused() == Milliseconds(1'000));
  CHECK(backoff.on_external_change(start));
  CHECK(backoff.failed(start) == Milliseconds(50));
  CHECK(backoff.refused() == Milliseconds(4'000));
}

TEST_CASE("a connection that has stabilized makes the delays after refusals start over") {
  ReconnectBackoff backoff(Locality::local, start);
  CHECK(backoff.refused() == Milliseconds(1'000));
  backoff.stabilized();
  CHECK(backoff.refused() == Milliseconds(1'000));
}

TEST_CASE("a connection that ends early counts as a failed attempt") {
  ReconnectBackoff backoff(Locality::remote, start);
  CHECK(backoff.ended_early(start) == Milliseconds(100));
  CHECK(backoff.failed(start) == Milliseconds(200));
}

TEST_CASE("failed attempts between connections that end early do not reset the delays") {
  ReconnectBackoff backoff(Locality::local, start);
  CHECK(delay_after_short_connections(backoff, 3) == Milliseconds(400));
  CHECK(backoff.failed(start) == Milliseconds(50));
  CHECK(backoff.ended_early(start) == Milliseconds(800));
}

TEST_CASE("once a connection is stable the delays start over") {
  ReconnectBackoff backoff(Locality::remote, start);
  CHECK(delay_after_short_connections(backoff, 4) == Milliseconds(800));
  CHECK(backoff.unstable());
  backoff.stabilized();
  CHECK_FALSE(backoff.unstable());
  CHECK(backoff.failed(start) == Milliseconds(100));
  CHECK(backoff.ended_early(start) == Milliseconds(100));
}

TEST_CASE("an external change resets the delays after failed attempts, once in 5 s") {
  ReconnectBackoff backoff(Locality::remote, start);
  CHECK(delay_after_failures(backoff, 4) == Milliseconds(800));
  CHECK(backoff.on_external_change(after(0)));
  CHECK(delay_after_failures(backoff, 4) == Milliseconds(800));
  CHECK_FALSE(backoff.on_external_change(after(4'999)));
  CHECK(backoff.failed(start) == Milliseconds(1'600));
  CHECK(backoff.on_external_change(after(5'000)));
  CHECK(backoff.failed(start) == Milliseconds(100));
}

TEST_CASE("an external change does not reset the delays after connections that ended early") {
  ReconnectBackoff backoff(Locality::remote, start);
  CHECK(delay_after_short_connections(backoff, 4) == Milliseconds(800));
  CHECK(backoff.on_external_change(start));
  CHECK(backoff.ended_early(start) == Milliseconds(1'600));
}

TEST_CASE("an absence begins when the connection ended, early or not") {
  ReconnectBackoff early(Locality::local, start);
  CHECK(early.ended_early(after(60'000)) == Milliseconds(100));
  CHECK(early.failed(after(69'999)) == Milliseconds(50));
  CHECK(early.failed(after(70'000)) == Milliseconds(250));
}
