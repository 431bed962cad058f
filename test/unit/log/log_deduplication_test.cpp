#include "rancher_cnode/log/log_deduplication.hpp"

#include <doctest/doctest.h>

#include <string>

using rancher_cnode::LogDeduplication;

TEST_CASE("each of the first eight faults occurs first once, and again after a reset") {
  LogDeduplication logged;
  for (int round = 0; round < 2; ++round) {
    for (int fault = 0; fault < 8; ++fault) {
      CHECK(logged.first_occurrence(std::to_string(fault)));
      CHECK_FALSE(logged.first_occurrence(std::to_string(fault)));
    }
    CHECK_FALSE(logged.first_occurrence("a ninth"));
    logged.reset();
  }
}
