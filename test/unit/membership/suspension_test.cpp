// What becomes of departed peers while the metadata answers nothing that can be trusted, and how it is asked
// again.
#include <doctest/doctest.h>

#include "rancher_cnode/membership/membership.hpp"
#include "support/unit/samples.hpp"

namespace rancher_cnode::membership {
namespace {

using namespace std::chrono_literals;
using samples::at;
using samples::at_seconds;
using samples::five;
using samples::nodes;
using samples::read_every_second;
using samples::running;
using samples::service;
using samples::settings;

/// Five of whom the last has departed, at second 11.
Membership without_the_fifth() {
  Membership membership = five();
  read_every_second(membership, 1, 11, ReadScope::self, running({1, 2, 3, 4}));
  REQUIRE(membership.desired()->departed == nodes({5}));
  return membership;
}

TEST_CASE(
    "a read that confirms nobody suspends the departed peers, and the next authoritative one restores them") {
  const struct {
    const char* name;
    Read read;
  } rows[] = {{"unknown", FailedRead{"timeout"}},
              {"no containers", service({})},
              {"without ourselves", running({2, 3, 4})}};
  for (const auto& row : rows) {
    CAPTURE(row.name);
    Membership membership = without_the_fifth();
    CHECK(membership.observe(at_seconds(12), ReadScope::self, row.read).desired_changed);
    CHECK(membership.desired()->departed.empty());
    CHECK(membership.desired()->suspended == nodes({5}));
    CHECK(membership.desired()->members == nodes({1, 2, 3, 4}));
    CHECK_FALSE(membership.observe(at_seconds(13), ReadScope::self, row.read).desired_changed);
    CHECK(membership.observe(at_seconds(14), ReadScope::self, running({1, 2, 3, 4})).desired_changed);
    CHECK(membership.desired()->departed == nodes({5}));
    CHECK_FALSE(membership.observe(at_seconds(15), ReadScope::self, running({1, 2, 3, 4})).desired_changed);
  }
}

TEST_CASE("a container that takes a departed peer's address while the metadata is down has not departed") {
  Membership membership = without_the_fifth();
  read_every_second(membership, 12, 3'612, ReadScope::self, FailedRead{"refused"});
  CHECK(membership.desired()->departed.empty());
  membership.observe(at_seconds(3'613), ReadScope::self, running({1, 2, 3, 4, 5}));
  CHECK(membership.desired()->departed.empty());
  CHECK(membership.desired()->dialable == nodes({1, 2, 3, 4, 5}));
}

TEST_CASE("a read that tells nothing changes nothing when nobody has departed") {
  Membership membership = five();
  const auto before = membership.desired();
  CHECK_FALSE(membership.observe(at_seconds(1), ReadScope::self, FailedRead{"timeout"}).desired_changed);
  CHECK_FALSE(membership.observe(at_seconds(2), ReadScope::self, service({})).desired_changed);
  CHECK(membership.desired() == before);
}

TEST_CASE("our own departure is suspended and restored in the same way, and nothing is dialled meanwhile") {
  for (const Read& nothing : {Read(FailedRead{"404"}), Read(service({}))}) {
    Membership membership = five();
    read_every_second(membership, 1, 11, ReadScope::self, running({2, 3, 4, 5}));
    REQUIRE(membership.desired()->departed == nodes({1}));
    CHECK(membership.observe(at_seconds(12), ReadScope::self, nothing).desired_changed);
    CHECK(membership.desired()->departed.empty());
    CHECK(membership.desired()->suspended == nodes({1}));
    CHECK(membership.desired()->own == OwnMembership::removed);
    CHECK(membership.wants_read_at() == at_seconds(13));
    CHECK(membership.observe(at_seconds(13), ReadScope::self, running({2, 3, 4, 5})).desired_changed);
    CHECK(membership.desired()->departed == nodes({1}));
    CHECK_FALSE(membership.wants_read_at());
  }
}

TEST_CASE("a departure that was suspended asks for the read that would restore it") {
  Membership membership = without_the_fifth();
  membership.observe(at_seconds(12), ReadScope::self, FailedRead{"timeout"});
  CHECK(membership.wants_read_at() == at_seconds(13));
  membership.observe(at_seconds(13), ReadScope::self, running({1, 2, 3, 4}));
  CHECK_FALSE(membership.wants_read_at());
}

TEST_CASE("while reads tell nothing new they are asked for ever less often, down to one in five seconds") {
  for (const Read& nothing : {Read(FailedRead{"timeout"}), Read(service({}))}) {
    Membership membership = five();
    membership.observe(at_seconds(1), ReadScope::self, running({1, 2, 3, 4}));
    TimePoint now = at_seconds(200);
    for (const Milliseconds pause : {1'000ms, 2'000ms, 4'000ms, 5'000ms, 5'000ms}) {
      membership.observe(now, ReadScope::self, nothing);
      CHECK(membership.wants_read_at() == now + pause);
      now += pause;
    }
    membership.observe(now, ReadScope::self, running({1, 2, 3, 4, 5}));
    membership.observe(now, ReadScope::self, running({1, 2, 3, 4}));
    membership.observe(now + 60s, ReadScope::self, nothing);
    CHECK(membership.wants_read_at() == now + 61s);
  }
}

TEST_CASE("reads that may not remove anybody are asked for ever less often, too") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::named, running({2, 3, 4}));
  membership.observe(at_seconds(1), ReadScope::named, running({2, 3}));
  TimePoint now = at_seconds(200);
  for (const Milliseconds pause : {1'000ms, 2'000ms, 4'000ms, 5'000ms}) {
    membership.observe(now, ReadScope::self, running({2, 3}));
    CHECK(membership.wants_read_at() == now + pause);
    now += pause;
  }
}

TEST_CASE("our own departure that waits for a read does not ask without pause either") {
  Membership membership = five();
  membership.observe(at_seconds(1), ReadScope::self, running({2, 3, 4, 5}));
  read_every_second(membership, 2, 100, ReadScope::self, FailedRead{"404"});
  CHECK(membership.wants_read_at() == at_seconds(105));
}

TEST_CASE("a departure that is suspended for longer than it is remembered no longer asks for reads") {
  Membership membership = without_the_fifth();
  read_every_second(membership, 12, 700, ReadScope::self, FailedRead{"refused"});
  CHECK(membership.desired()->suspended == nodes({5}));
  membership.observe(at_seconds(701), ReadScope::self, running({1, 2, 3, 4}));
  CHECK(membership.desired()->suspended.empty());
  CHECK(membership.desired()->departed.empty());
  CHECK_FALSE(membership.wants_read_at());
}

}  // namespace
}  // namespace rancher_cnode::membership
