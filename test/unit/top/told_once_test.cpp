#include "rancher_cnode/told_once.hpp"

#include <doctest/doctest.h>

#include <string>

using rancher_cnode::ToldOnce;

TEST_CASE("each of the first eight faults is reported once, and again after the source was well") {
  ToldOnce told;
  for (int round = 0; round < 2; ++round) {
    for (int fault = 0; fault < 8; ++fault) {
      CHECK(told.is_news(std::to_string(fault)));
      CHECK_FALSE(told.is_news(std::to_string(fault)));
    }
    CHECK_FALSE(told.is_news("a ninth"));
    told.well_again();
  }
}
