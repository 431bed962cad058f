// When a read that lacks most of the peers is held for longer.
#include <doctest/doctest.h>

#include <vector>

#include "rancher_cnode/membership/membership.hpp"
#include "support/unit/samples.hpp"

namespace rancher_cnode::membership {
namespace {

using namespace std::chrono_literals;
using samples::at_seconds;
using samples::container;
using samples::five;
using samples::nodes;
using samples::read_every_second;
using samples::running;
using samples::settings;

TEST_CASE("while a read lacks us and most of the others, we do not depart before the mass removal delay") {
  Membership membership = five();
  read_every_second(membership, 1, 60, ReadScope::self, running({2}));
  CHECK(membership.desired()->own == OwnMembership::missing);
  CHECK(membership.desired()->departed.empty());
  REQUIRE(membership.view().mass_removal_guard);
  CHECK(membership.view().mass_removal_guard->missing == 3);
  CHECK(membership.view().mass_removal_guard->known == 4);
  CHECK(membership.wants_read_at() == at_seconds(61));
  CHECK(membership.observe(at_seconds(61), ReadScope::self, running({2})).desired_changed);
  CHECK(membership.desired()->own == OwnMembership::removed);
  CHECK_FALSE(membership.view().mass_removal_guard);
}

TEST_CASE(
    "our own departure that was held once is held for the whole time, though the others are listed again") {
  Membership membership = five();
  read_every_second(membership, 1, 20, ReadScope::self, running({2}));
  read_every_second(membership, 21, 60, ReadScope::self, running({2, 3, 4, 5}));
  CHECK(membership.desired()->own == OwnMembership::missing);
  CHECK(membership.wants_read_at() == at_seconds(61));
  membership.observe(at_seconds(61), ReadScope::self, running({2, 3, 4, 5}));
  CHECK(membership.desired()->own == OwnMembership::removed);

  Membership listed_again = five();
  read_every_second(listed_again, 1, 20, ReadScope::self, running({2}));
  listed_again.observe(at_seconds(21), ReadScope::self, running({1, 2, 3, 4, 5}));
  CHECK(listed_again.desired()->own == OwnMembership::listed);
  CHECK_FALSE(listed_again.view().mass_removal_guard);
}

TEST_CASE("while a read lacks more than half of the others, nobody departs before the mass removal delay") {
  Membership membership = five();
  read_every_second(membership, 1, 60, ReadScope::self, running({1, 2}));
  CHECK(membership.desired()->departed.empty());
  REQUIRE(membership.view().mass_removal_guard);
  CHECK(membership.view().mass_removal_guard->missing == 3);
  CHECK(membership.view().mass_removal_guard->known == 4);
  CHECK(membership.view().mass_removal_guard->since == at_seconds(1));
  CHECK(membership.wants_read_at() == at_seconds(61));
  CHECK(membership.observe(at_seconds(61), ReadScope::self, running({1, 2})).desired_changed);
  CHECK(membership.desired()->departed == nodes({3, 4, 5}));
  CHECK_FALSE(membership.view().mass_removal_guard);
}

TEST_CASE("containers that were down take no part: a finished upgrade is no mass removal") {
  Service upgraded = running({1, 2, 3});
  for (const int old : {4, 5, 6}) {
    upgraded.containers.push_back(container(old, "updating-stopped"));
  }
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, upgraded);
  read_every_second(membership, 1, 10, ReadScope::self, running({1, 2, 3}));
  CHECK_FALSE(membership.view().mass_removal_guard);
  CHECK(membership.observe(at_seconds(11), ReadScope::self, running({1, 2, 3})).desired_changed);
  CHECK(membership.desired()->departed == nodes({4, 5, 6}));

  Membership most_gone(settings());
  most_gone.observe(at_seconds(0), ReadScope::self, upgraded);
  Service without = running({1});
  for (const int old : {4, 5, 6}) {
    without.containers.push_back(container(old, "updating-stopped"));
  }
  most_gone.observe(at_seconds(1), ReadScope::self, without);
  REQUIRE(most_gone.view().mass_removal_guard);
  CHECK(most_gone.view().mass_removal_guard->missing == 2);
  CHECK(most_gone.view().mass_removal_guard->known == 2);
}

TEST_CASE("containers that were down are not held when most of those that were up go missing with them") {
  Service mixed = running({1, 2, 3, 4});
  mixed.containers.push_back(container(5, "stopped"));
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, mixed);
  read_every_second(membership, 1, 11, ReadScope::self, running({1, 2}));
  CHECK(membership.desired()->departed == nodes({5}));
  REQUIRE(membership.view().mass_removal_guard);
  CHECK(membership.view().mass_removal_guard->missing == 2);
}

TEST_CASE("half of the others may depart without the guard") {
  Membership membership = five();
  read_every_second(membership, 1, 11, ReadScope::self, running({1, 2, 3}));
  CHECK(membership.desired()->departed == nodes({4, 5}));
}

TEST_CASE("a service scaled from two to one is held as a mass removal") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2}));
  read_every_second(membership, 1, 60, ReadScope::self, running({1}));
  CHECK(membership.desired()->departed.empty());
  CHECK(membership.view().mass_removal_guard);
  membership.observe(at_seconds(61), ReadScope::self, running({1}));
  CHECK(membership.desired()->departed == nodes({2}));
}

TEST_CASE("peers that go missing one after the other are held once they are more than half") {
  Membership membership = five();
  read_every_second(membership, 1, 5, ReadScope::self, running({1, 2, 3}));
  read_every_second(membership, 6, 60, ReadScope::self, running({1, 2}));
  CHECK(membership.desired()->departed.empty());
  CHECK(membership.view().mass_removal_guard);
}

TEST_CASE("a departed peer that is listed again makes up for its own loss only") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  read_every_second(membership, 1, 11, ReadScope::self, running({1, 2, 3, 4, 5}));
  REQUIRE(membership.desired()->departed == nodes({6, 7, 8, 9}));
  // Two come back, and three more go: of the eight five are lost within the window.
  read_every_second(membership, 12, 24, ReadScope::self, running({1, 5, 6, 7}));
  CHECK(membership.desired()->departed == nodes({8, 9}));
  REQUIRE(membership.view().mass_removal_guard);
  CHECK(membership.view().mass_removal_guard->missing == 5);
  CHECK(membership.view().mass_removal_guard->known == 8);
}

TEST_CASE("a hold ends when the peers are listed again") {
  Membership membership = five();
  read_every_second(membership, 1, 30, ReadScope::self, running({1}));
  CHECK(membership.view().mass_removal_guard);
  membership.observe(at_seconds(31), ReadScope::self, running({1, 2, 3, 4, 5}));
  CHECK_FALSE(membership.view().mass_removal_guard);
  CHECK_FALSE(membership.wants_read_at());
  CHECK(membership.desired()->dialable == nodes({1, 2, 3, 4, 5}));
}

TEST_CASE("peers that a hold once covered are held for its whole time, also when some of them are back") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  read_every_second(membership, 1, 20, ReadScope::self, running({1, 2, 3}));
  REQUIRE(membership.view().mass_removal_guard);
  read_every_second(membership, 21, 60, ReadScope::self, running({1, 2, 3, 4, 5}));
  CHECK(membership.desired()->departed.empty());
  REQUIRE(membership.view().mass_removal_guard);
  CHECK(membership.view().mass_removal_guard->missing == 4);
  CHECK(membership.view().mass_removal_guard->known == 8);
  CHECK(membership.wants_read_at() == at_seconds(61));
  membership.observe(at_seconds(61), ReadScope::self, running({1, 2, 3, 4, 5}));
  CHECK(membership.desired()->departed == nodes({6, 7, 8, 9}));
  CHECK_FALSE(membership.view().mass_removal_guard);
}

TEST_CASE("a peer that goes missing after a hold has its own, shorter time") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  membership.observe(at_seconds(1), ReadScope::self, running({1, 2, 3}));
  membership.observe(at_seconds(2), ReadScope::self, running({1, 2, 3, 4, 5, 6, 7, 8}));
  membership.observe(at_seconds(3), ReadScope::self, running({1, 2, 3, 4, 5, 6, 7}));
  read_every_second(membership, 4, 12, ReadScope::self, running({1, 2, 3, 4, 5, 6, 7}));
  CHECK(membership.desired()->departed.empty());
  read_every_second(membership, 13, 60, ReadScope::self, running({1, 2, 3, 4, 5, 6, 7}));
  CHECK(membership.desired()->departed == nodes({8}));
  read_every_second(membership, 61, 61, ReadScope::self, running({1, 2, 3, 4, 5, 6, 7}));
  CHECK(membership.desired()->departed == nodes({8, 9}));
}

TEST_CASE("a service that crumbles in steps is guarded: losses count over the mass removal delay") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  read_every_second(membership, 1, 12, ReadScope::self, running({1, 2, 3, 4, 5}));
  CHECK(membership.desired()->departed == nodes({6, 7, 8, 9}));
  CHECK_FALSE(membership.view().mass_removal_guard);
  read_every_second(membership, 13, 24, ReadScope::self, running({1, 2, 3}));
  CHECK(membership.desired()->departed == nodes({6, 7, 8, 9}));
  REQUIRE(membership.view().mass_removal_guard);
  CHECK(membership.view().mass_removal_guard->missing == 6);
  CHECK(membership.view().mass_removal_guard->known == 8);
  read_every_second(membership, 25, 36, ReadScope::self, running({1, 2}));
  read_every_second(membership, 37, 72, ReadScope::self, running({1}));
  CHECK(membership.desired()->members == nodes({1, 2, 3, 4, 5}));
  read_every_second(membership, 73, 73, ReadScope::self, running({1}));
  CHECK(membership.desired()->departed == nodes({4, 5, 6, 7, 8, 9}));
}

TEST_CASE("losses that are older than the mass removal delay count no longer") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  read_every_second(membership, 1, 71, ReadScope::self, running({1, 2, 3, 4, 5}));
  REQUIRE(membership.desired()->departed == nodes({6, 7, 8, 9}));
  read_every_second(membership, 72, 82, ReadScope::self, running({1, 2, 3}));
  CHECK(membership.desired()->members == nodes({1, 2, 3}));

  Membership earlier(settings());
  earlier.observe(at_seconds(0), ReadScope::self, running({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  read_every_second(earlier, 1, 70, ReadScope::self, running({1, 2, 3, 4, 5}));
  read_every_second(earlier, 70, 82, ReadScope::self, running({1, 2, 3}));
  CHECK(earlier.desired()->members == nodes({1, 2, 3, 4, 5}));
}

TEST_CASE("containers that are replaced one after the other are no mass removal") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3, 4, 5}));
  int second = 0;
  std::vector<int> alive{2, 3, 4, 5};
  for (int replacement = 6; replacement < 26; ++replacement) {
    alive.erase(alive.begin());
    alive.push_back(replacement);
    Service read = running({1});
    for (const int number : alive) {
      read.containers.push_back(container(number));
    }
    for (int i = 0; i < 11; ++i) {
      membership.observe(at_seconds(++second), ReadScope::self, read);
    }
    CHECK_FALSE(membership.view().mass_removal_guard);
  }
}

TEST_CASE("our own departure is guarded by what departed before, too") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3, 4, 5}));
  read_every_second(membership, 1, 12, ReadScope::self, running({1, 2, 3}));
  REQUIRE(membership.desired()->departed == nodes({4, 5}));
  read_every_second(membership, 13, 30, ReadScope::self, running({2}));
  CHECK(membership.desired()->own == OwnMembership::missing);
  REQUIRE(membership.view().mass_removal_guard);
  CHECK(membership.view().mass_removal_guard->missing == 3);
  CHECK(membership.view().mass_removal_guard->known == 4);
}

TEST_CASE("a mass removal never takes less time than the removal of one peer") {
  MembershipSettings quick = settings();
  quick.removal_delay = 10s;
  quick.mass_removal_delay = 1s;
  Membership membership(quick);
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3, 4, 5}));
  read_every_second(membership, 1, 10, ReadScope::self, running({1}));
  CHECK(membership.desired()->departed.empty());
  membership.observe(at_seconds(11), ReadScope::self, running({1}));
  CHECK(membership.desired()->departed == nodes({2, 3, 4, 5}));
}

}  // namespace
}  // namespace rancher_cnode::membership
