#include "rancher_cnode/metadata/watch_pacing.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace rancher_cnode;
using metadata::Pace;
using metadata::RereadBudget;
using metadata::retry_delay;

TEST_CASE("retries come soon at first, and then at the polling interval") {
  const Pace pace;
  const long expected[] = {250, 500, 1'000, 2'000, 4'000, 5'000, 5'000};
  for (unsigned failures = 1; failures <= 7; ++failures) {
    CAPTURE(failures);
    CHECK(retry_delay(pace, Milliseconds(5'000), failures).count() == expected[failures - 1]);
  }
  CHECK(retry_delay(pace, Milliseconds(5'000), 4'000'000'000U) == Milliseconds(5'000));
}

TEST_CASE("a long polling interval does not make retries rarer than every 10 s") {
  CHECK(retry_delay(Pace{}, Milliseconds(3'600'000), 6) == Milliseconds(8'000));
  for (const unsigned failures : {7U, 20U, 4'000'000'000U}) {
    CHECK(retry_delay(Pace{}, Milliseconds(3'600'000), failures) == Milliseconds(10'000));
  }
}

TEST_CASE("no retry comes sooner than the smallest gap") {
  CHECK(retry_delay(Pace{}, Milliseconds(10), 1) == Milliseconds(250));
  CHECK(retry_delay(Pace{}, Milliseconds(10), 9) == Milliseconds(250));
}

TEST_CASE("two changes after a quiet time are read without delay") {
  RereadBudget budget{Pace{}};
  TimePoint now{};
  for (int i = 0; i < 2; ++i) {
    CHECK(budget.take(now) == Duration::zero());
  }
  CHECK(budget.take(now) == Milliseconds(1'000));
  now += Milliseconds(10'000);
  CHECK(budget.take(now) == Duration::zero());
}

TEST_CASE("a version that changes every second is read every second without delay") {
  RereadBudget budget{Pace{}};
  TimePoint now{};
  for (int i = 0; i < 1'000; ++i, now += Milliseconds(1'000)) {
    REQUIRE(budget.take(now) == Duration::zero());
  }
}

TEST_CASE("however versions change, there is one read a second in the long run") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    RereadBudget budget{Pace{}};
    TimePoint now{};
    const int reads = 500;
    for (int i = 0; i < reads; ++i) {
      now += Milliseconds(random() % 300);
      const Duration delay = budget.take(now);
      CHECK(delay <= Milliseconds(1'000));
      now += delay;
    }
    CHECK(now - TimePoint{} >= Milliseconds(1'000) * (reads - 2));
  }
}
