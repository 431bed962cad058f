#include "log/faults.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace rancher_cnode;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

LoggedEvent fault(const std::string& event, const std::string& peer = "",
                  const std::string& target = "t@10.42.0.9") {
  return {.level = LogLevel::warning,
          .event = event,
          .message = "why",
          .fields = {{"target", target}, {"peer", peer}}};
}

LoggedEvent of_peer(const std::string& event, const std::string& peer) {
  return {.event = event, .message = "", .fields = {{"peer", peer}}};
}

LoggedEvent plain(const std::string& event) { return {.event = event, .message = "", .fields = {}}; }

const TimePoint start;

}  // namespace

TEST_CASE("a fault that lasts is reminded of every ten minutes, with its age") {
  Faults faults;
  faults.began(start, fault("peer_lost", "a@10.42.0.1"));
  int reminders = 0;
  for (int second = 0; second <= 3'600; ++second) {
    if (const auto reminder = faults.take_reminder(start + seconds(second))) {
      ++reminders;
      CHECK(reminder->oldest == "peer_lost a@10.42.0.1");
      CHECK(reminder->oldest_age == minutes(10 * reminders));
    }
  }
  CHECK(reminders == 6);
}

TEST_CASE("one reminder sums up all faults, with a few examples") {
  Faults faults;
  faults.began(start, fault("metadata_unavailable"));
  for (int i = 0; i < 500; ++i) {
    faults.began(start + seconds(1), fault("peer_unreachable", "a@10.42.1." + std::to_string(i)));
  }
  faults.began(start + minutes(5), fault("peer_lost", "a@10.42.0.1"));
  const auto reminder = faults.take_reminder(start + minutes(12));
  REQUIRE(reminder);
  CHECK(reminder->faults == "metadata_unavailable 1, peer_unreachable 500");
  CHECK(reminder->oldest == "metadata_unavailable t@10.42.0.9");
  CHECK(reminder->examples == "a@10.42.1.0, a@10.42.1.1, a@10.42.1.10");
}

TEST_CASE("a fault that is reported again, for another reason, keeps its age") {
  Faults faults;
  faults.began(start, fault("peer_lost", "a@10.42.0.1"));
  faults.began(start + minutes(9), fault("peer_lost", "a@10.42.0.1"));
  const auto reminder = faults.take_reminder(start + minutes(10));
  REQUIRE(reminder);
  CHECK(reminder->faults == "peer_lost 1");
}

TEST_CASE("a fault ends with an event of its row, of the same peer") {
  Faults faults;
  faults.began(start, fault("peer_lost", "a@10.42.0.1"));
  faults.began(start, fault("peer_lost", "a@10.42.0.2"));
  faults.ended_by(of_peer("peer_listed", "a@10.42.0.1"));
  faults.ended_by(of_peer("peer_connected", "a@10.42.0.1"));
  const auto reminder = faults.take_reminder(start + minutes(10));
  REQUIRE(reminder);
  CHECK(reminder->faults == "peer_lost 1");
  CHECK(reminder->examples == "a@10.42.0.2");
}

TEST_CASE("an end without a target ends the faults of all targets") {
  Faults faults;
  faults.began(start, fault("peer_lost", "a@10.42.0.1", "t@10.42.0.8"));
  faults.began(start, fault("peer_lost", "a@10.42.0.1", "t@10.42.0.9"));
  faults.ended_by(of_peer("peer_departed", "a@10.42.0.1"));
  CHECK(!faults.take_reminder(start + minutes(10)));
}

TEST_CASE("a departed target that is still connected is a fault until it is disconnected") {
  Faults faults;
  faults.began(start, fault("departed_target_connected"));
  CHECK(faults.take_reminder(start + minutes(10)));
  faults.ended_by(
      {.event = "departed_target_disconnected", .message = "", .fields = {{"target", "t@10.42.0.9"}}});
  CHECK(!faults.take_reminder(start + minutes(20)));
}

TEST_CASE("an end without a peer ends the fault of no peer") {
  Faults faults;
  faults.began(start, fault("metadata_unavailable"));
  faults.ended_by(plain("metadata_available"));
  CHECK(!faults.take_reminder(start + minutes(10)));
}

TEST_CASE("of containers that are skipped for several reasons each reason has its own end") {
  const auto containers = [](const std::string& event, const std::string& reason) {
    return LoggedEvent{
        .level = LogLevel::warning, .event = event, .fields = {{"service", "a/b"}, {"reason", reason}}};
  };
  Faults faults;
  faults.began(start, containers("containers_skipped", "not_ipv4"));
  faults.began(start, containers("containers_skipped", "not_a_host"));
  CHECK(faults.take_reminder(start + minutes(10))->faults == "containers_skipped 2");
  faults.ended_by(containers("containers_usable", "no_address"));
  faults.ended_by(containers("containers_usable", "not_ipv4"));
  CHECK(faults.take_reminder(start + minutes(20))->faults == "containers_skipped 1");
  faults.ended_by({.event = "service_removed", .fields = {{"service", "a/b"}}});
  CHECK(!faults.take_reminder(start + minutes(30)));

  faults.began(start + minutes(30), containers("containers_skipped", "not_a_host"));
  faults.ended_by(containers("containers_usable", "not_a_host"));
  CHECK(!faults.take_reminder(start + minutes(40)));
}

TEST_CASE("a fault of no target and no service ends with the event of any") {
  Faults faults;
  faults.began(start, plain("beam_awaited"));
  faults.began(start, plain("own_container_removed"));
  faults.ended_by({.event = "target_connected", .message = "", .fields = {{"target", "t@10.42.0.9"}}});
  faults.ended_by({.event = "service_removed", .message = "", .fields = {{"service", "a/b"}}});
  CHECK(!faults.take_reminder(start + minutes(10)));
}

TEST_CASE("a C-node that starts for another BEAM has none of the faults of the one before") {
  Faults faults;
  faults.began(start, fault("peer_lost", "a@10.42.0.1"));
  faults.began(start, fault("target_lost"));
  faults.ended_by(plain("beam_renamed"));
  faults.began(start + minutes(1), fault("target_lost"));
  CHECK(!faults.take_reminder(start + minutes(10)));
  CHECK(faults.take_reminder(start + minutes(11)));
}

TEST_CASE("the number of faults that are kept is bounded") {
  Faults faults;
  for (int i = 0; i < 10'000; ++i) {
    faults.began(start, fault("peer_lost", std::to_string(i)));
  }
  const auto reminder = faults.take_reminder(start + minutes(10));
  REQUIRE(reminder);
  CHECK(reminder->faults == "peer_lost " + std::to_string(Faults::max_faults));
}

TEST_CASE("a fault that begins after all others have ended is reminded of after ten minutes of its own") {
  Faults faults;
  faults.began(start, fault("peer_lost", "a@10.42.0.1"));
  REQUIRE(faults.take_reminder(start + minutes(10)));
  faults.ended_by(of_peer("peer_connected", "a@10.42.0.1"));
  faults.began(start + minutes(11), fault("peer_lost", "a@10.42.0.2"));
  CHECK(!faults.take_reminder(start + minutes(20)));
  CHECK(faults.take_reminder(start + minutes(21)));
}
