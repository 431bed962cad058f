// What the metadata watcher has found before there is a node.
#include "agent/pending_observation.hpp"

#include <doctest/doctest.h>

using namespace rancher_cnode;
using agent::PendingObservation;
using metadata::Observation;

namespace {

const TimePoint first_read{std::chrono::seconds(100)};
const TimePoint second_read = first_read + std::chrono::seconds(5);

Observation good_read(const std::string& version) {
  return {.reads = {{.read = membership::Service{}, .path = "self/service"}},
          .url = "http://metadata",
          .version = version};
}

Observation failed_read(const std::string& reason) {
  return {.reads = {{.read = membership::FailedRead{reason}, .path = "self/service"}},
          .url = "http://other",
          .version = ""};
}

/// The latest read has not found the own address.
Observation without_own_address(Observation observation, const std::string& why) {
  observation.own_address_failure = why;
  return observation;
}

}  // namespace

TEST_CASE("nothing is pending before the first read") {
  PendingObservation pending;
  CHECK_FALSE(pending.take());
  const auto snapshot = pending.snapshot();
  CHECK(snapshot.url.empty());
  CHECK(snapshot.version.empty());
  CHECK_FALSE(snapshot.view.last_answer);
  CHECK_FALSE(snapshot.view.last_failed);
  CHECK(snapshot.view.last_failure.empty());
}

TEST_CASE("a failed read does not replace a successful one, and a later successful one does") {
  PendingObservation pending;
  pending.keep(good_read("1"), first_read);
  pending.keep(failed_read("timeout"), second_read);
  CHECK(pending.snapshot().version == "1");
  CHECK(pending.snapshot().view.last_answer == first_read);
  pending.keep(good_read("2"), second_read);
  CHECK(pending.snapshot().version == "2");
  CHECK(pending.snapshot().view.last_answer == second_read);
}

TEST_CASE("a failed read is replaced by any that follows") {
  PendingObservation pending;
  pending.keep(failed_read("timeout"), first_read);
  pending.keep(failed_read("status 404"), second_read);
  CHECK(pending.snapshot().view.last_failure == "status 404");
  CHECK(pending.snapshot().view.last_failed == second_read);
  pending.keep(good_read("1"), second_read);
  CHECK(pending.snapshot().version == "1");
}

TEST_CASE("what is taken is pending no more") {
  PendingObservation pending;
  pending.keep(good_read("1"), first_read);
  const auto taken = pending.take();
  REQUIRE(taken);
  CHECK(taken->version == "1");
  CHECK(taken->has_service());
  CHECK_FALSE(pending.take());
  CHECK(pending.snapshot().version.empty());
  pending.keep(failed_read("timeout"), second_read);
  REQUIRE(pending.take());
}

TEST_CASE("the snapshot has where and when the metadata were read, or why they were not") {
  PendingObservation read;
  read.keep(good_read("7"), first_read);
  const auto of_read = read.snapshot();
  CHECK(of_read.url == "http://metadata");
  CHECK(of_read.version == "7");
  CHECK(of_read.view.last_answer == first_read);
  CHECK_FALSE(of_read.view.last_failed);
  CHECK(of_read.view.last_failure.empty());

  PendingObservation unread;
  unread.keep(failed_read("timeout"), second_read);
  const auto of_failure = unread.snapshot();
  CHECK(of_failure.url == "http://other");
  CHECK(of_failure.version.empty());
  CHECK_FALSE(of_failure.view.last_answer);
  CHECK(of_failure.view.last_failed == second_read);
  CHECK(of_failure.view.last_failure == "timeout");
}

TEST_CASE("why the own address is unknown is that of the latest read, also of one that is not kept") {
  PendingObservation pending;
  CHECK(pending.why_own_address_is_unknown() == "the own address is not known yet; --ip sets it");
  pending.keep(without_own_address(good_read("1"), "status 404"), first_read);
  CHECK(pending.why_own_address_is_unknown() == "the own address is not known yet: status 404; --ip sets it");
  pending.keep(without_own_address(failed_read("timeout"), "no answer"), second_read);
  CHECK(pending.why_own_address_is_unknown() == "the own address is not known yet: no answer; --ip sets it");
  pending.keep(good_read("2"), second_read);
  CHECK(pending.why_own_address_is_unknown() == "the own address is not known yet; --ip sets it");
}
