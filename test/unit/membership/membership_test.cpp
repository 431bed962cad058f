// What reads add, hold and tell. What they may remove is in removal_test.cpp.
#include "rancher_cnode/membership/membership.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/unit/samples.hpp"

namespace rancher_cnode::membership {
namespace {

using samples::at_seconds;
using samples::container;
using samples::node;
using samples::nodes;
using samples::running;
using samples::service;
using samples::settings;

const MemberView* find(const std::vector<MemberView>& member_views, const NodeName& name) {
  const auto found = std::ranges::find(member_views, name, &MemberView::node);
  return found == member_views.end() ? nullptr : &*found;
}

TEST_CASE("before any read nothing is known and nothing is desired") {
  const Membership membership(settings());
  CHECK(membership.desired()->members.empty());
  CHECK(membership.desired()->own == OwnMembership::unknown);
  CHECK_FALSE(membership.wants_read_at());
  CHECK_FALSE(membership.view().last_answer);
}

TEST_CASE("a member is desired from the first read that lists it") {
  Membership membership(settings());
  CHECK(membership.observe(at_seconds(0), ReadScope::self, running({1, 2})).desired_changed);
  CHECK(membership.desired()->dialable == nodes({1, 2}));
  CHECK(membership.observe(at_seconds(1), ReadScope::self, running({1, 2, 3})).desired_changed);
  CHECK(membership.desired()->dialable == nodes({1, 2, 3}));
  CHECK(membership.desired()->own == OwnMembership::listed);
}

TEST_CASE("containers that are listed later are taken in, wherever their addresses sort") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 4}));
  membership.observe(at_seconds(1), ReadScope::self, running({1, 2, 4, 6}));
  membership.observe(at_seconds(2), ReadScope::self, running({1, 2, 3, 4, 5, 6, 7}));
  CHECK(membership.desired()->dialable == nodes({1, 2, 3, 4, 5, 6, 7}));
}

TEST_CASE("a read that says nothing new changes nothing") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2}));
  const auto before = membership.desired();
  CHECK_FALSE(membership.observe(at_seconds(1), ReadScope::self, running({2, 1})).desired_changed);
  CHECK(membership.desired() == before);
}

TEST_CASE("a read that says nothing new changes nothing while no read has listed us") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({2, 3}));
  CHECK_FALSE(membership.observe(at_seconds(1), ReadScope::self, running({2, 3})).desired_changed);
}

TEST_CASE("an unknown read changes nothing but what is told of the reads") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2}));
  CHECK_FALSE(
      membership.observe(at_seconds(5), ReadScope::self, FailedRead{"404 from http://m"}).desired_changed);
  CHECK(membership.desired()->dialable == nodes({1, 2}));
  CHECK(membership.view().last_failure == "404 from http://m");
  CHECK(membership.view().last_answer == at_seconds(0));
  CHECK(membership.view().last_failed == at_seconds(5));
  CHECK(membership.view().failed_reads == 1);
  CHECK(membership.view().authoritative_reads == 1);
}

TEST_CASE("a listed container that is stopped is a member that must not be dialled") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2}));
  CHECK(membership.observe(at_seconds(1), ReadScope::self, service({container(1), container(2, "stopped")}))
            .desired_changed);
  CHECK(membership.desired()->members == nodes({1, 2}));
  CHECK(membership.desired()->dialable == nodes({1}));
  CHECK(membership.desired()->departed.empty());
  const auto member_views = membership.member_views();
  const MemberView* stopped = find(member_views, node(2));
  REQUIRE(stopped != nullptr);
  CHECK(stopped->state == MemberState::held);
  CHECK(stopped->reason == "state is stopped");
  CHECK(stopped->since == at_seconds(1));

  CHECK(membership.observe(at_seconds(2), ReadScope::self, running({1, 2})).desired_changed);
  CHECK(membership.desired()->dialable == nodes({1, 2}));
}

TEST_CASE("a container without an address is taken in once it has one") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self,
                     service({container(1), samples::without_address(container(2, "starting"))}));
  CHECK(membership.desired()->members == nodes({1}));
  CHECK(membership.view().dropped.at(static_cast<std::size_t>(DropReason::no_address)).count == 1);
  CHECK(membership.observe(at_seconds(1), ReadScope::self, running({1, 2})).desired_changed);
  CHECK(membership.desired()->dialable == nodes({1, 2}));
  CHECK(membership.view().dropped.at(static_cast<std::size_t>(DropReason::no_address)).count == 0);
}

TEST_CASE("a peer whose container loses its address is held, never removed") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3}));
  const Service restarting = service({container(1), samples::without_address(container(2)), container(3)});
  for (int second = 1; second <= 300; ++second) {
    membership.observe(at_seconds(second), ReadScope::self, restarting);
  }
  CHECK(membership.desired()->members == nodes({1, 2, 3}));
  CHECK(membership.desired()->dialable == nodes({1, 3}));
  CHECK(membership.observe(at_seconds(301), ReadScope::self, running({1, 2, 3})).desired_changed);
  CHECK(membership.desired()->dialable == nodes({1, 2, 3}));
}

TEST_CASE("an odd address of a listed container is no more evidence against its peer than none") {
  for (const char* odd : {"fe80::1", "127.0.0.1", "10.42.0.2/16"}) {
    CAPTURE(odd);
    Membership membership(settings());
    membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3}));
    Container changed = container(2);
    changed.primary_ip = odd;
    samples::read_every_second(membership, 1, 100, ReadScope::self,
                               service({container(1), changed, container(3)}));
    CHECK(membership.desired()->departed.empty());
    CHECK(membership.desired()->members == nodes({1, 2, 3}));
    CHECK(membership.desired()->dialable == nodes({1, 3}));
  }
}

TEST_CASE("of two containers at one address the live one still counts when it loses its address") {
  Membership membership(settings());
  Container stopped = container(2, "stopped");
  stopped.uuid = "stopped";
  membership.observe(at_seconds(0), ReadScope::self,
                     service({container(1), container(2), container(3), stopped}));
  const Container restarting = samples::without_address(container(2));
  membership.observe(at_seconds(1), ReadScope::self,
                     service({container(1), restarting, container(3), stopped}));
  samples::read_every_second(membership, 2, 100, ReadScope::self,
                             service({container(1), restarting, container(3)}));
  CHECK(membership.desired()->departed.empty());
  CHECK(membership.desired()->members == nodes({1, 2, 3}));
}

TEST_CASE(
    "while no read has ever listed us, peers that no read lists for an hour are forgotten, not removed") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({2, 3}));
  samples::read_every_second(membership, 1, 3'600, ReadScope::self, running({3, 4}));
  CHECK(membership.desired()->members == nodes({2, 3, 4}));
  CHECK(membership.observe(at_seconds(3'601), ReadScope::self, running({3, 4})).desired_changed);
  CHECK(membership.desired()->members == nodes({3, 4}));
  CHECK(membership.desired()->departed.empty());
  CHECK(membership.view().removed_peers == 1);
}

TEST_CASE("an hour without good reads makes no peer forgotten") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({2, 3}));
  membership.observe(at_seconds(1), ReadScope::self, running({3}));
  membership.observe(at_seconds(2), ReadScope::self, running({2, 3}));
  samples::read_every_second(membership, 3, 5'000, ReadScope::self, FailedRead{"refused"});
  samples::read_every_second(membership, 5'001, 9'000, ReadScope::self, service({}));
  membership.observe(at_seconds(9'001), ReadScope::self, running({3}));
  CHECK(membership.desired()->members == nodes({2, 3}));
}

TEST_CASE("a peer that is listed without its address meanwhile has the whole hour again") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({2, 3}));
  membership.observe(at_seconds(1), ReadScope::self, running({3}));
  membership.observe(at_seconds(3'000), ReadScope::self,
                     service({container(3), samples::without_address(container(2))}));
  membership.observe(at_seconds(3'601), ReadScope::self, running({3}));
  membership.observe(at_seconds(7'200), ReadScope::self, running({3}));
  CHECK(membership.desired()->members == nodes({2, 3}));
  membership.observe(at_seconds(7'201), ReadScope::self, running({3}));
  CHECK(membership.desired()->members == nodes({3}));
}

TEST_CASE("our own container is present while it is listed without an address") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2}));
  const Service restarting = service({samples::without_address(container(1)), container(2)});
  for (int second = 1; second <= 300; ++second) {
    membership.observe(at_seconds(second), ReadScope::self, restarting);
  }
  CHECK(membership.desired()->own == OwnMembership::listed);
}

TEST_CASE("a sidekick on our network makes us present") {
  MembershipSettings own = settings();
  Membership membership(own);
  Container sidekick = samples::without_address(container(7));
  sidekick.network_from_container_uuid = "uuid-1";
  membership.observe(at_seconds(0), ReadScope::self, service({sidekick, container(1), container(2)}));
  CHECK(membership.desired()->own == OwnMembership::listed);
  CHECK(membership.desired()->members == nodes({1, 2}));
}

TEST_CASE("a container replaced by another at the same address is the same peer") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2}));
  Container replacement = container(2);
  replacement.uuid = "another";
  replacement.name = "web-9";
  CHECK_FALSE(membership.observe(at_seconds(1), ReadScope::self, service({container(1), replacement}))
                  .desired_changed);
  for (int second = 2; second < 100; ++second) {
    membership.observe(at_seconds(second), ReadScope::self, service({container(1), replacement}));
  }
  CHECK(membership.desired()->dialable == nodes({1, 2}));
  CHECK(membership.desired()->departed.empty());
}

TEST_CASE("a half-joined start can still form: our own container not listed yet is unknown, not missing") {
  Membership membership(settings());
  for (int second = 0; second < 300; ++second) {
    membership.observe(at_seconds(second), ReadScope::self, running({2, 3}));
  }
  CHECK(membership.desired()->own == OwnMembership::unknown);
  CHECK(membership.desired()->dialable == nodes({2, 3}));
}

TEST_CASE("health is asked for by the setting alone") {
  for (const HealthPolicy health : {HealthPolicy::any, HealthPolicy::passing}) {
    CAPTURE(static_cast<int>(health));
    MembershipSettings checked = settings();
    checked.health = health;
    Membership membership(checked);
    Container sick = container(2);
    sick.health_state = "unhealthy";
    membership.observe(at_seconds(0), ReadScope::self, service({container(1), sick}));
    CHECK(membership.desired()->members == nodes({1, 2}));
    CHECK(membership.desired()->dialable.contains(node(2)) == (health == HealthPolicy::any));
  }
}

TEST_CASE("a state lasts from the read that began it, whatever else that peer's container says") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2}));
  membership.observe(at_seconds(1), ReadScope::self, running({1, 2}));
  CHECK(membership.member_views().back().since == at_seconds(0));
  membership.observe(at_seconds(2), ReadScope::self, service({container(1), container(2, "stopped")}));
  membership.observe(at_seconds(3), ReadScope::self, service({container(1), container(2, "removed")}));
  CHECK(membership.member_views().back().since == at_seconds(2));
  CHECK(membership.member_views().back().reason == "state is removed");
}

TEST_CASE("a departed peer is reported as one since its departure") {
  Membership membership = samples::five();
  samples::read_every_second(membership, 1, 12, ReadScope::self, running({1, 2, 3, 4}));
  const auto member_views = membership.member_views();
  const MemberView* departed = find(member_views, node(5));
  REQUIRE(departed != nullptr);
  CHECK(departed->state == MemberState::departed);
  CHECK(departed->since == at_seconds(11));
  CHECK(departed->reason == "no longer in the service");
}

TEST_CASE("each kind of read is counted, and the last of each kind has its time") {
  Membership membership(settings());
  membership.observe(at_seconds(1), ReadScope::self, running({2}));
  membership.observe(at_seconds(2), ReadScope::self, running({1, 2}));
  membership.observe(at_seconds(3), ReadScope::self, running({1, 2}));
  membership.observe(at_seconds(4), ReadScope::self, service({}));
  membership.observe(at_seconds(5), ReadScope::self, FailedRead{"timeout"});
  CHECK(membership.view().incomplete_reads == 2);
  CHECK(membership.view().authoritative_reads == 2);
  CHECK(membership.view().failed_reads == 1);
  CHECK(membership.view().last_authoritative == at_seconds(3));
  CHECK(membership.view().last_answer == at_seconds(4));
  CHECK(membership.view().last_failed == at_seconds(5));
}

TEST_CASE("our own presence has the time when it began") {
  Membership membership(settings());
  membership.observe(at_seconds(1), ReadScope::self, running({1, 2}));
  membership.observe(at_seconds(2), ReadScope::self, running({1, 2}));
  CHECK(membership.view().own_since == at_seconds(1));
  membership.observe(at_seconds(3), ReadScope::self, running({2}));
  CHECK(membership.view().own_since == at_seconds(3));
}

TEST_CASE(
    "peers that lose their addresses in one read are all held, and the desired set changes with the first") {
  Membership membership(settings());
  Service held = running({1, 2});
  held.containers.push_back(container(3, "stopped"));
  membership.observe(at_seconds(0), ReadScope::self, held);
  CHECK(membership
            .observe(at_seconds(1), ReadScope::self,
                     service({container(1), samples::without_address(container(2)),
                              samples::without_address(container(3, "stopped"))}))
            .desired_changed);
  CHECK(membership.desired()->dialable == nodes({1}));
}

}  // namespace
}  // namespace rancher_cnode::membership
