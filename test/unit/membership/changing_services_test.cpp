// Services that are added and taken away while the program runs.
#include <doctest/doctest.h>

#include "two_services.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::membership;
using namespace rancher_cnode::membership::samples;

namespace {

/// Both, then only the first one, or only the second.
std::vector<MembershipSettings> web() { return {both().front()}; }
std::vector<MembershipSettings> worker() { return {both().back()}; }

const std::string two_has = name_of("myapp", 2);

}  // namespace

TEST_CASE("the peers of a service that is taken away are forgotten, and none departs") {
  Two two;
  two.read_for(20, listed({1, 2, 3}), listed({3, 4, 5}));
  const auto observed = two.memberships.set_services(web());
  CHECK(observed.desired_changed);
  CHECK(count<fact::ServiceRemoved>(observed) == 1);
  CHECK(count<fact::PeerForgotten>(observed) == 2);
  CHECK(observed.facts.size() == 3);
  CHECK(two.memberships.desired()->members == nodes({1, 2, 3}));
  CHECK(two.memberships.desired()->departed.empty());
  CHECK(two.memberships.desired()->suspended.empty());
  for (int i = 0; i < 100; ++i) {
    CHECK(two.read(listed({1, 2, 3}), listed({3})).facts.empty());
    CHECK(two.memberships.desired()->departed.empty());
  }
}

TEST_CASE("the other services go on with their history, in whatever order they are set") {
  Two two;
  two.read_for(5, listed({1, 2, 3, 4}), listed({5, 6}));
  two.read_for(5, listed({1, 2, 3}), listed({5, 6}));
  two.memberships.set_services({both().back(), both().front()});
  CHECK(two.memberships.services().front().service() == "stacks/shop/services/worker");
  two.read_for(7, listed({1, 2, 3}), listed({5, 6}));
  CHECK(two.has_departed(name_of("myapp", 4)));
}

TEST_CASE("a peer that only the service allowed to be dialled is held from then on") {
  Two two;
  auto stopping = container(2);
  stopping.state = "stopping";
  two.read(service({container(1), stopping}), listed({2}));
  REQUIRE(two.is_dialable(two_has));
  const auto observed = two.memberships.set_services(web());
  REQUIRE(observed.facts.size() == 2);
  CHECK(std::get<fact::PeerHeld>(observed.facts.back()).peer == node(2));
  CHECK(two.is_member(two_has));
  CHECK_FALSE(two.is_dialable(two_has));
}

TEST_CASE("a peer that has left one service for another stays connected when that is taken away") {
  Two two;
  two.read_for(5, listed({1, 2, 3, 4}), listed({5, 6}));
  two.read_for(60, listed({1, 3, 4}), listed({2, 5, 6}));
  REQUIRE(two.is_member(two_has));
  two.memberships.set_services(web());
  const auto spared = [&two] {
    return !two.is_member(two_has) && !two.has_departed(two_has) &&
           two.memberships.desired()->suspended.empty();
  };
  CHECK(spared());
  for (int i = 0; i < 60; ++i) {
    two.read(listed({1, 3, 4}), failed());
    CHECK(spared());
  }
  SUBCASE("and departs once it has come back and left again") {
    two.read(listed({1, 2, 3, 4}), failed());
    CHECK(two.is_dialable(two_has));
    two.read_for(12, listed({1, 3, 4}), failed());
    CHECK(two.has_departed(two_has));
  }
  SUBCASE("also when the service comes back before anything was read") {
    two.memberships.set_services(both());
    CHECK(spared());
    two.read(listed({1, 3, 4}), listed({2, 5, 6}));
    CHECK(two.is_dialable(two_has));
  }
}

TEST_CASE("a departed peer stays one when another service is taken away") {
  Two two;
  two.read_for(5, listed({1, 2, 3, 4}), listed({5, 6}));
  two.read_for(12, listed({1, 3, 4}), listed({5, 6}));
  REQUIRE(two.has_departed(two_has));
  two.memberships.set_services(web());
  CHECK(two.has_departed(two_has));
}

TEST_CASE("our own container, which only the service listed, is not removed with it") {
  Two two;
  two.read_for(5, listed({1, 2, 3}), listed({1, 4, 5}));
  two.read_for(80, listed({2, 3}), listed({1, 4, 5}));
  REQUIRE(two.memberships.desired()->own == OwnMembership::listed);
  const auto observed = two.memberships.set_services(web());
  CHECK(count<fact::OwnMembershipChanged>(observed) == 1);
  CHECK(two.memberships.desired()->own == OwnMembership::unknown);
  CHECK(two.memberships.view().own == OwnMembership::unknown);
  two.read_for(80, listed({2, 3}), failed());
  CHECK(two.memberships.desired()->own == OwnMembership::unknown);
  CHECK(two.memberships.desired()->departed.empty());
  SUBCASE("and can be removed once it was listed again") {
    two.read(listed({1, 2, 3}), failed());
    CHECK(two.memberships.desired()->own == OwnMembership::listed);
    two.read_for(80, listed({2, 3}), failed());
    CHECK(two.memberships.desired()->own == OwnMembership::removed);
    CHECK(two.has_departed(name_of("myapp", 1)));
  }
  SUBCASE("also when another service is set meanwhile") {
    two.memberships.set_services(both());
    two.memberships.set_services(web());
    two.read(listed({2, 3}), failed());
    CHECK(two.memberships.desired()->own == OwnMembership::unknown);
  }
}

TEST_CASE("an added service lets nobody depart before it was read") {
  Two two;
  two.memberships.set_services(web());
  two.read_for(5, listed({1, 2, 3, 4}), failed());
  two.read_for(12, listed({1, 3, 4}), failed());
  REQUIRE(two.has_departed(two_has));
  two.memberships.set_services(both());
  CHECK_FALSE(two.has_departed(two_has));
  // This round began before.
  two.memberships.observe(at_seconds(++two.second), {of_own(listed({1, 3, 4}))});
  CHECK_FALSE(two.has_departed(two_has));
  CHECK(two.memberships.desired()->suspended == nodes({2}));
  two.read(listed({1, 3, 4}), listed({5}));
  CHECK(two.has_departed(two_has));
}

TEST_CASE("a read of a service that was taken away meanwhile changes nothing") {
  Two two;
  two.memberships.set_services(web());
  two.read(listed({1, 2}), listed({3, 4}));
  CHECK(two.memberships.desired()->members == nodes({1, 2}));
}

TEST_CASE("two basenames of one service are read as one") {
  auto other = both().front();
  other.service += "=worker";
  other.node_basename = "worker";
  Memberships memberships({both().front(), other});
  memberships.observe(at_seconds(1), {of_own(listed({1, 2}))});
  const std::set<NodeName> all{node(1), node(2), *NodeName::parse("worker@10.42.0.1"),
                               *NodeName::parse("worker@10.42.0.2")};
  CHECK(memberships.desired()->dialable == all);
  CHECK(memberships.view().authoritative_reads == 2);
}

TEST_CASE("the counters of a service that was taken away stay in the sums") {
  Two two;
  two.read_for(3, listed({1, 2}), failed());
  two.memberships.set_services(web());
  CHECK(two.memberships.view().failed_reads == 3);
  two.memberships.set_services(worker());
  two.read(listed({1, 2}), listed({3}));
  CHECK(two.memberships.view().authoritative_reads == 4);
}
