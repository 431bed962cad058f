// When a peer has departed, and above all when not.
#include <doctest/doctest.h>

#include <vector>

#include "rancher_cnode/membership/membership.hpp"
#include "support/unit/samples.hpp"

namespace rancher_cnode::membership {
namespace {

using namespace std::chrono_literals;
using samples::at;
using samples::at_seconds;
using samples::container;
using samples::five;
using samples::node;
using samples::nodes;
using samples::read_every_second;
using samples::running;
using samples::service;
using samples::settings;

TEST_CASE("a peer has departed once every authoritative read lacked it for the removal delay") {
  Membership membership = five();
  read_every_second(membership, 1, 10, ReadScope::self, running({1, 2, 3, 4}));
  CHECK(membership.desired()->departed.empty());
  CHECK(membership.desired()->members == nodes({1, 2, 3, 4, 5}));
  CHECK(membership.observe(at_seconds(11), ReadScope::self, running({1, 2, 3, 4})).desired_changed);
  CHECK(membership.desired()->departed == nodes({5}));
  CHECK(membership.desired()->members == nodes({1, 2, 3, 4}));
  CHECK(membership.view().removed_peers == 1);
}

TEST_CASE("a peer under suspicion is not dialled, and its connection is left alone") {
  Membership membership = five();
  CHECK(membership.observe(at_seconds(1), ReadScope::self, running({1, 2, 3, 4})).desired_changed);
  CHECK(membership.desired()->dialable == nodes({1, 2, 3, 4}));
  CHECK(membership.desired()->members == nodes({1, 2, 3, 4, 5}));
  const auto member_views = membership.member_views();
  CHECK(member_views.back().node == node(5));
  CHECK(member_views.back().state == MemberState::suspected);
  CHECK(member_views.back().since == at_seconds(1));
}

TEST_CASE("a peer that goes missing is suspected though another, which was not dialable, goes with it") {
  Membership membership(settings());
  Service listed = running({1, 2, 3, 4});
  listed.containers.push_back(container(5, "stopped"));
  membership.observe(at_seconds(0), ReadScope::self, listed);
  CHECK(membership.observe(at_seconds(1), ReadScope::self, running({1, 2, 3})).desired_changed);
  CHECK(membership.desired()->dialable == nodes({1, 2, 3}));
}

TEST_CASE("a missing peer that is listed again without its address has the whole delay again") {
  Membership membership = five();
  read_every_second(membership, 1, 8, ReadScope::self, running({1, 2, 3, 4}));
  Service unaddressed = running({1, 2, 3, 4});
  unaddressed.containers.push_back(samples::without_address(container(5)));
  membership.observe(at_seconds(9), ReadScope::self, unaddressed);
  CHECK(membership.member_views().back().state == MemberState::held);
  read_every_second(membership, 10, 19, ReadScope::self, running({1, 2, 3, 4}));
  CHECK(membership.desired()->departed.empty());
  membership.observe(at_seconds(20), ReadScope::self, running({1, 2, 3, 4}));
  CHECK(membership.desired()->departed == nodes({5}));
}

TEST_CASE("two reads are needed, and no more than two") {
  MembershipSettings quick = settings();
  quick.removal_delay = 5s;
  Membership membership(quick);
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3}));
  membership.observe(at_seconds(100), ReadScope::self, running({1, 2}));
  CHECK(membership.desired()->departed.empty());
  membership.observe(at_seconds(105), ReadScope::self, running({1, 2}));
  CHECK(membership.desired()->departed == nodes({3}));
  CHECK_FALSE(membership.wants_read_at());
}

TEST_CASE("a removal delay of nothing still takes two reads") {
  MembershipSettings quick = settings();
  quick.removal_delay = 0ms;
  Membership membership(quick);
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3}));
  membership.observe(at_seconds(1), ReadScope::self, running({1, 2}));
  CHECK(membership.desired()->departed.empty());
  CHECK(membership.wants_read_at() == at_seconds(2));
  membership.observe(at_seconds(2), ReadScope::self, running({1, 2}));
  CHECK(membership.desired()->departed == nodes({3}));
}

TEST_CASE("a read that lists the peer again clears it, even a partial one") {
  const struct {
    const char* name;
    Service read;
  } rows[] = {{"a whole read", running({1, 2, 3, 4, 5})}, {"a partial read", running({5})}};
  for (const auto& row : rows) {
    CAPTURE(row.name);
    Membership membership = five();
    read_every_second(membership, 1, 8, ReadScope::self, running({1, 2, 3, 4}));
    membership.observe(at_seconds(9), ReadScope::self, row.read);
    read_every_second(membership, 10, 19, ReadScope::self, running({1, 2, 3, 4}));
    CHECK(membership.desired()->departed.empty());
    membership.observe(at_seconds(20), ReadScope::self, running({1, 2, 3, 4}));
    CHECK(membership.desired()->departed == nodes({5}));
  }
}

TEST_CASE("an old and a new snapshot by turns remove nobody") {
  Membership membership = five();
  for (int second = 1; second < 600; ++second) {
    membership.observe(at_seconds(second), ReadScope::self,
                       second % 8 == 0 ? running({1, 2, 3, 4, 5}) : running({1, 2, 3, 4}));
    CHECK(membership.desired()->departed.empty());
  }
}

TEST_CASE("reads that cannot be trusted about the others never remove, under any policy") {
  const struct {
    const char* name;
    ReadScope scope;
    Read read;
  } rows[] = {{"unknown", ReadScope::self, FailedRead{"timeout"}},
              {"null or empty containers", ReadScope::self, service({})},
              {"null or empty containers, by name", ReadScope::named, service({})},
              {"a self read that lacks ourselves", ReadScope::self, running({2, 3})},
              {"a named read that lacks ourselves, who were in it", ReadScope::named, running({2, 3})}};
  for (const RemovalPolicy policy : {RemovalPolicy::safe, RemovalPolicy::immediate, RemovalPolicy::never}) {
    for (const auto& row : rows) {
      CAPTURE(row.name);
      CAPTURE(static_cast<int>(policy));
      Membership membership = five(policy);
      read_every_second(membership, 1, 300, row.scope, row.read);
      for (const int peer : {2, 3, 4, 5}) {
        CHECK(membership.desired()->members.contains(node(peer)));
      }
      for (const int peer : {2, 3, 4, 5}) {
        CHECK_FALSE(membership.desired()->departed.contains(node(peer)));
      }
    }
  }
}

TEST_CASE("reads that cannot be trusted do not count as the second read") {
  Membership membership = five();
  membership.observe(at_seconds(1), ReadScope::self, running({1, 2, 3, 4}));
  read_every_second(membership, 2, 60, ReadScope::self, FailedRead{"refused"});
  read_every_second(membership, 61, 120, ReadScope::self, service({}));
  CHECK(membership.desired()->departed.empty());
}

TEST_CASE("one read that lacks us is no proof that we have left") {
  Membership membership = five();
  CHECK(membership.observe(at_seconds(1), ReadScope::self, running({2, 3, 4, 5})).desired_changed);
  CHECK(membership.desired()->own == OwnMembership::missing);
  CHECK(membership.wants_read_at() == at(3'500ms));
  CHECK(membership.observe(at_seconds(2), ReadScope::self, running({1, 2, 3, 4, 5})).desired_changed);
  CHECK(membership.desired()->own == OwnMembership::listed);
  CHECK(membership.desired()->departed.empty());
}

TEST_CASE("we have left once we were listed and are missing for the removal delay") {
  for (const ReadScope scope : {ReadScope::self, ReadScope::named}) {
    Membership membership = five();
    read_every_second(membership, 1, 10, scope, running({2, 3, 4, 5}));
    CHECK(membership.desired()->own == OwnMembership::missing);
    CHECK(membership.observe(at_seconds(11), scope, running({2, 3, 4, 5})).desired_changed);
    CHECK(membership.desired()->own == OwnMembership::removed);
    CHECK(membership.desired()->departed == nodes({1}));
    CHECK(membership.desired()->members == nodes({2, 3, 4, 5}));
    CHECK(membership.member_views().back().state == MemberState::departed);
    CHECK_FALSE(membership.wants_read_at());

    CHECK(membership.observe(at_seconds(12), scope, running({1, 2, 3, 4, 5})).desired_changed);
    CHECK(membership.desired()->own == OwnMembership::listed);
    CHECK(membership.desired()->departed.empty());
  }
}

TEST_CASE("empty and unknown reads never make us missing") {
  Membership membership = five();
  read_every_second(membership, 1, 100, ReadScope::self, service({}));
  read_every_second(membership, 101, 200, ReadScope::self, FailedRead{"404"});
  CHECK(membership.desired()->own == OwnMembership::listed);
}

TEST_CASE("a node that stands alone may remove by a named read, never by a self read") {
  for (const ReadScope scope : {ReadScope::named, ReadScope::self}) {
    Membership membership(settings());
    membership.observe(at_seconds(0), scope, running({2, 3, 4, 5}));
    read_every_second(membership, 1, 60, scope, running({2, 3, 4}));
    CHECK(membership.desired()->own == OwnMembership::unknown);
    CHECK(membership.desired()->departed == (scope == ReadScope::named ? nodes({5}) : nodes({})));
  }
}

TEST_CASE("immediate removes at the first whole read, without a hold") {
  Membership membership = five(RemovalPolicy::immediate);
  CHECK(membership.observe(at_seconds(1), ReadScope::self, running({1, 2})).desired_changed);
  CHECK(membership.desired()->departed == nodes({3, 4, 5}));
  CHECK_FALSE(membership.view().mass_removal_guard);
}

TEST_CASE("under immediate, too, one read that lacks us is no proof that we have left") {
  Membership membership = five(RemovalPolicy::immediate);
  CHECK(membership.observe(at_seconds(1), ReadScope::self, running({2})).desired_changed);
  CHECK(membership.desired()->own == OwnMembership::missing);
  CHECK(membership.wants_read_at() == at(3'500ms));
  read_every_second(membership, 2, 10, ReadScope::self, running({2}));
  CHECK(membership.desired()->own == OwnMembership::missing);
  CHECK(membership.observe(at_seconds(11), ReadScope::self, running({2})).desired_changed);
  CHECK(membership.desired()->own == OwnMembership::removed);
}

TEST_CASE(
    "under never nobody departs, but what is missing is forgotten in time, and nothing is dialled when we "
    "are missing") {
  Membership membership = five(RemovalPolicy::never);
  read_every_second(membership, 1, 10, ReadScope::self, running({1, 2, 3, 4}));
  CHECK(membership.observe(at_seconds(11), ReadScope::self, running({1, 2, 3, 4})).desired_changed);
  CHECK(membership.desired()->members == nodes({1, 2, 3, 4}));
  read_every_second(membership, 12, 300, ReadScope::self, running({1, 2}));
  CHECK(membership.desired()->departed.empty());
  CHECK(membership.desired()->members == nodes({1, 2}));
  read_every_second(membership, 301, 600, ReadScope::self, running({2}));
  CHECK(membership.desired()->own == OwnMembership::missing);
  CHECK(membership.desired()->departed.empty());
  CHECK_FALSE(membership.wants_read_at());
}

TEST_CASE("a departed peer that is listed again is a member at once") {
  Membership membership = five();
  read_every_second(membership, 1, 11, ReadScope::self, running({1, 2, 3, 4}));
  REQUIRE(membership.desired()->departed == nodes({5}));
  CHECK(membership.observe(at_seconds(12), ReadScope::self, running({1, 2, 3, 4, 5})).desired_changed);
  CHECK(membership.desired()->departed.empty());
  CHECK(membership.desired()->dialable.contains(node(5)));
}

TEST_CASE("a departed peer is remembered for ten minutes, or for the mass removal delay if that is longer") {
  for (const auto& [mass_delay, kept] : {std::pair(60s, 600), std::pair(1'200s, 1'200)}) {
    MembershipSettings forgetful = settings();
    forgetful.mass_removal_delay = mass_delay;
    Membership membership(forgetful);
    membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3, 4, 5}));
    read_every_second(membership, 1, 10 + kept, ReadScope::self, running({1, 2, 3, 4}));
    CHECK(membership.desired()->departed == nodes({5}));
    CHECK(membership.observe(at_seconds(11 + kept), ReadScope::self, running({1, 2, 3, 4})).desired_changed);
    CHECK(membership.desired()->departed.empty());
    CHECK(membership.member_views().size() == 4);
  }
}

TEST_CASE("a peer whose container moves to another address has departed at the old one") {
  Membership membership = five();
  read_every_second(membership, 1, 11, ReadScope::self, running({1, 2, 3, 4}));
  Container moved = container(5);
  moved.primary_ip = "10.42.0.6";
  membership.observe(at_seconds(12), ReadScope::self,
                     service({container(1), container(2), container(3), container(4), moved}));
  CHECK(membership.desired()->departed == nodes({5}));
  CHECK(membership.desired()->dialable == nodes({1, 2, 3, 4, 6}));
}

}  // namespace
}  // namespace rancher_cnode::membership
