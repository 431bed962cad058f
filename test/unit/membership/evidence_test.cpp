// Only time that answers cover counts as evidence that a peer, or our own container, has departed.
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

/// What breaks the evidence: reads between second 5 and 7, or a pause.
struct Gap {
  const char* name;
  std::optional<Read> read;
  Authority authority = Authority::full;
};
const Gap gaps[] = {{"a failed read", FailedRead{"timeout"}},
                    {"an empty read", service({})},
                    {"a read of a source that may only add", running({2, 3, 4}), Authority::may_only_add},
                    {"a pause", std::nullopt}};

TEST_CASE("after a gap the removal delay begins anew") {
  for (const auto& gap : gaps) {
    CAPTURE(gap.name);
    Membership membership = five();
    read_every_second(membership, 1, 5, ReadScope::self, running({1, 2, 3, 4}));
    if (gap.read) {
      membership.observe(at_seconds(6), ReadScope::self, *gap.read, gap.authority);
    }
    read_every_second(membership, 11, 20, ReadScope::self, running({1, 2, 3, 4}));
    CHECK(membership.desired()->departed.empty());
    CHECK(membership.observe(at_seconds(21), ReadScope::self, running({1, 2, 3, 4})).desired_changed);
    CHECK(membership.desired()->departed == nodes({5}));
  }
}

TEST_CASE("after a read that lacks our own container the removal delay of the others begins anew") {
  Membership membership = five();
  read_every_second(membership, 1, 9, ReadScope::self, running({1, 2, 3, 4}));
  membership.observe(at_seconds(10), ReadScope::self, running({2, 3, 4}));
  read_every_second(membership, 11, 20, ReadScope::self, running({1, 2, 3, 4}));
  CHECK(membership.desired()->departed.empty());
  membership.observe(at_seconds(21), ReadScope::self, running({1, 2, 3, 4}));
  CHECK(membership.desired()->departed == nodes({5}));
}

TEST_CASE("after a gap our own removal delay begins anew") {
  for (const auto& gap : gaps) {
    CAPTURE(gap.name);
    Membership membership = five();
    read_every_second(membership, 1, 5, ReadScope::self, running({2, 3, 4, 5}));
    if (gap.read) {
      membership.observe(at_seconds(6), ReadScope::self, *gap.read, gap.authority);
    }
    read_every_second(membership, 11, 20, ReadScope::self, running({2, 3, 4, 5}));
    CHECK(membership.desired()->own == OwnMembership::missing);
    membership.observe(at_seconds(21), ReadScope::self, running({2, 3, 4, 5}));
    CHECK(membership.desired()->own == OwnMembership::removed);
  }
}

TEST_CASE("after a gap the first read alone removes nobody, however short the delay") {
  MembershipSettings quick = settings();
  quick.removal_delay = 0ms;
  Membership membership(quick);
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3}));
  membership.observe(at_seconds(1), ReadScope::self, running({1, 2}));
  membership.observe(at_seconds(2), ReadScope::self, FailedRead{"timeout"});
  membership.observe(at_seconds(3), ReadScope::self, running({1, 2}));
  CHECK(membership.desired()->departed.empty());
  membership.observe(at_seconds(4), ReadScope::self, running({1, 2}));
  CHECK(membership.desired()->departed == nodes({3}));
}

TEST_CASE("reads cover the time between them up to twice the reading interval, and no longer") {
  for (const auto& [between, departs] : {std::pair(5'000ms, true), std::pair(5'001ms, false)}) {
    CAPTURE(between.count());
    Membership membership = five();  // reading_interval: 2.5 s
    for (int read = 1; read <= 3; ++read) {
      membership.observe(at(read * between), ReadScope::self, running({1, 2, 3, 4}));
    }
    CHECK(membership.desired()->departed == (departs ? nodes({5}) : nodes({})));
  }
}

TEST_CASE(
    "while somebody is suspected a read is wanted each reading interval, and when it would be confirmed") {
  Membership membership = five();
  membership.observe(at(10'000ms), ReadScope::self, running({1, 2, 3, 4}));
  CHECK(membership.wants_read_at() == at(12'500ms));
  membership.observe(at(12'500ms), ReadScope::self, running({1, 2, 3, 4}));
  membership.observe(at(15'000ms), ReadScope::self, running({1, 2, 3, 4}));
  membership.observe(at(17'500ms), ReadScope::self, running({1, 2, 3, 4}));
  membership.observe(at(18'000ms), ReadScope::self, running({1, 2, 3, 4}));
  CHECK(membership.wants_read_at() == at(20'000ms));
  membership.observe(at(20'000ms), ReadScope::self, running({1, 2, 3, 4}));
  CHECK(membership.desired()->departed == nodes({5}));
  CHECK_FALSE(membership.wants_read_at());
}

TEST_CASE("a peer whose evidence was broken is suspected on, and not dialled") {
  Membership membership = five();
  membership.observe(at_seconds(1), ReadScope::self, running({1, 2, 3, 4}));
  membership.observe(at_seconds(2), ReadScope::self, FailedRead{"timeout"});
  membership.observe(at_seconds(3), ReadScope::self, running({1, 2, 3, 4}));
  CHECK(membership.desired()->dialable == nodes({1, 2, 3, 4}));
  CHECK(membership.member_views().back().state == MemberState::suspected);
  CHECK(membership.member_views().back().since == at_seconds(1));
}

TEST_CASE(
    "a source that may only add removes nobody, neither others nor our own container, and confirms nobody") {
  Membership membership = five();
  for (int second = 1; second <= 300; ++second) {
    membership.observe(at_seconds(second), ReadScope::self, running({6}), Authority::may_only_add);
  }
  CHECK(membership.desired()->departed.empty());
  CHECK(membership.desired()->own == OwnMembership::listed);
  CHECK(membership.desired()->dialable == nodes({1, 2, 3, 4, 5, 6}));

  Membership departed = five();
  read_every_second(departed, 1, 11, ReadScope::self, running({1, 2, 3, 4}));
  REQUIRE(departed.desired()->departed == nodes({5}));
  CHECK(departed.observe(at_seconds(12), ReadScope::self, running({1, 2, 3, 4}), Authority::may_only_add)
            .desired_changed);
  CHECK(departed.desired()->departed.empty());
  CHECK(departed.desired()->suspended == nodes({5}));

  Membership left = five();
  read_every_second(left, 1, 11, ReadScope::self, running({2, 3, 4, 5}));
  REQUIRE(left.desired()->departed == nodes({1}));
  CHECK(left.observe(at_seconds(12), ReadScope::self, running({2, 3, 4, 5}), Authority::may_only_add)
            .desired_changed);
  CHECK(left.desired()->departed.empty());
  CHECK(left.desired()->suspended == nodes({1}));
}

}  // namespace
}  // namespace rancher_cnode::membership
