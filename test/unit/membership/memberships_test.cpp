// The union of the memberships of several services.
#include "rancher_cnode/membership/memberships.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "two_services.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::membership;
using namespace rancher_cnode::membership::samples;
using Numbers = std::set<int>;

TEST_CASE("the peers are those of all services, each with the basename of its service") {
  Two two("worker");
  const auto observed = two.read(listed({1, 2}), listed({3}));
  CHECK(observed.desired_changed);
  CHECK(count<fact::PeerListed>(observed) == 3);
  CHECK(two.memberships.desired()->members.size() == 3);
  CHECK(two.is_dialable(name_of("myapp", 1)));
  CHECK(two.is_dialable(name_of("myapp", 2)));
  CHECK(two.is_dialable(name_of("worker", 3)));
  CHECK(two.memberships.desired()->own == OwnMembership::listed);
  const auto views = two.memberships.member_views();
  REQUIRE(views.size() == 3);
  CHECK(views.back().service == "stacks/shop/services/worker");
  CHECK_FALSE(two.read(listed({1, 2}), listed({3})).desired_changed);
}

TEST_CASE("a container that goes from one service to the other stays a member, and never departs") {
  Two two;
  two.read_for(20, listed({1, 2, 3, 4}), listed({5, 6, 7}));
  auto moved = two.read(listed({1, 2, 3}), listed({4, 5, 6, 7}));
  CHECK(count<fact::PeerListed>(moved) == 0);
  for (int i = 0; i < 100; ++i) {
    const auto observed = two.read(listed({1, 2, 3}), listed({4, 5, 6, 7}));
    CHECK(observed.facts.empty());
    CHECK(two.is_dialable(name_of("myapp", 4)));
    CHECK_FALSE(two.has_departed(name_of("myapp", 4)));
  }
  const auto views = two.memberships.member_views();
  CHECK(views.size() == 7);
  CHECK(std::ranges::none_of(views, [](const auto& view) { return view.state == MemberState::departed; }));
  two.read_for(12, listed({1, 2, 3}), listed({5, 6, 7}));
  CHECK(two.has_departed(name_of("myapp", 4)));
}

TEST_CASE("what one service holds, another one may allow") {
  Two two;
  auto stopping = container(2);
  stopping.state = "stopping";
  const auto observed = two.read(service({container(1), stopping}), listed({2}));
  CHECK(count<fact::PeerHeld>(observed) == 0);
  CHECK(two.is_dialable(name_of("myapp", 2)));
  const auto alone = two.read(service({container(1), stopping}), service({stopping}));
  CHECK(count<fact::PeerHeld>(alone) == 1);
  CHECK_FALSE(two.is_dialable(name_of("myapp", 2)));
}

TEST_CASE("departures are suspended while any service cannot be read") {
  Two two;
  two.read_for(5, listed({1, 2, 3, 4}), listed({5, 6}));
  two.read_for(12, listed({1, 2, 3}), listed({5, 6}));
  REQUIRE(two.has_departed(name_of("myapp", 4)));
  CHECK(two.read(listed({1, 2, 3}), failed()).desired_changed);
  CHECK_FALSE(two.has_departed(name_of("myapp", 4)));
  CHECK(two.memberships.desired()->suspended.size() == 1);
  CHECK_FALSE(two.is_member(name_of("myapp", 4)));
  two.read(listed({1, 2, 3}), listed({5, 6}));
  CHECK(two.has_departed(name_of("myapp", 4)));
}

TEST_CASE("a service that was never read confirms nothing") {
  Two two;
  two.read_for(30, listed({1, 2, 3, 4}), failed());
  two.read_for(30, listed({1, 2, 3}), failed());
  CHECK_FALSE(two.is_member(name_of("myapp", 4)));
  CHECK(two.memberships.desired()->departed.empty());
  CHECK(two.memberships.view().last_authoritative == at_seconds(60));
  CHECK_FALSE(two.memberships.services().back().view().last_authoritative.has_value());
}

TEST_CASE("the own container has been removed only when no service lists it") {
  Two two("worker");
  two.read_for(5, listed({1, 2, 3}), listed({1, 4, 5}));
  two.read_for(80, listed({2, 3}), listed({1, 4, 5}));
  CHECK(two.memberships.desired()->own == OwnMembership::listed);
  CHECK_FALSE(two.has_departed(name_of("myapp", 1)));
  auto observed = two.read(listed({2, 3}), listed({4, 5}));
  CHECK(count<fact::OwnMembershipChanged>(observed) == 1);
  CHECK(two.memberships.desired()->own == OwnMembership::missing);
  two.read_for(80, listed({2, 3}), listed({4, 5}));
  CHECK(two.memberships.desired()->own == OwnMembership::removed);
  CHECK(two.has_departed(name_of("myapp", 1)));
}

TEST_CASE("a service that is emptied keeps its peers, and does not touch those of the other") {
  Two two;
  two.read_for(5, listed({1, 2, 3, 8}), listed({4, 5}));
  two.read_for(100, listed({1, 2, 3}), listed({}));
  CHECK(two.is_member(name_of("myapp", 4)));
  CHECK(two.is_member(name_of("myapp", 5)));
  CHECK(two.has_departed(name_of("myapp", 8)));
}

TEST_CASE("each service has a guard of its own") {
  Two two;
  two.read_for(5, listed({1, 2, 3, 4, 5, 6, 7}), listed({8, 9, 10}));
  const auto observed = two.read(listed({1, 2, 3, 4, 5, 6, 7}), listed({8}));
  REQUIRE(count<fact::MassRemovalGuard>(observed) == 1);
  CHECK(two.memberships.view().mass_removal_guard->missing == 2);
  two.read_for(12, listed({1, 2, 3, 4, 5, 6}), listed({8}));
  CHECK(two.has_departed(name_of("myapp", 7)));
  CHECK(two.is_member(name_of("myapp", 9)));
}

TEST_CASE("the view is that of the service that was read least recently") {
  Two two;
  two.read(listed({1, 2}), listed({3}));
  two.read(listed({1, 2}), failed());
  const auto view = two.memberships.view();
  CHECK(view.last_authoritative == at_seconds(1));
  CHECK(view.authoritative_reads == 3);
  CHECK(view.failed_reads == 1);
  CHECK(view.last_failure == "timeout");
}

TEST_CASE("labels select the containers, never our own, and a list without a fitting one is no empty list") {
  const auto coloured = [](int number, const std::string& colour) {
    auto one = container(number);
    one.labels = {{"colour", colour}};
    return one;
  };
  const std::vector<Container> containers{coloured(1, "green"), coloured(2, "green"), coloured(3, "blue"),
                                          container(4)};
  using Test = LabelRule::Test;
  struct Row {
    LabelRule rule;
    Numbers members;
  };
  for (const auto& [rule, members] :
       {Row{{"colour", Test::equal, "blue"}, {1, 3}}, Row{{"colour", Test::not_equal, "blue"}, {1, 2, 4}},
        Row{{"colour", Test::present, ""}, {1, 2, 3}}, Row{{"colour", Test::same, ""}, {1, 2}},
        Row{{"shape", Test::equal, "round"}, {1}}}) {
    Memberships memberships({both().front()}, {rule});
    memberships.observe(at_seconds(1), {of_own(service(containers))});
    Numbers found;
    for (const int number : {1, 2, 3, 4}) {
      if (memberships.desired()->members.contains(NodeName::parse(name_of("myapp", number)).value())) {
        found.insert(number);
      }
    }
    CHECK(found == members);
    CHECK(memberships.view().dropped[static_cast<std::size_t>(DropReason::unselected)].count ==
          4 - members.size());
    CHECK(memberships.view().authoritative_reads == 1);
  }
}

TEST_CASE("own labels are known from any service, for good; until then a read has failed") {
  Memberships memberships(both(), {{"colour", LabelRule::Test::same, ""}});
  auto own = container(1);
  auto peer = container(2);
  own.labels = peer.labels = {{"colour", "green"}};
  const auto worker = of_worker(service({peer}));
  memberships.observe(at_seconds(1), {of_own(FailedRead{"404"}), worker});
  CHECK(memberships.desired()->members.empty());
  CHECK(memberships.view().failed_reads == 2);
  memberships.observe(at_seconds(2), {of_own(service({own})), worker});
  CHECK(memberships.desired()->members.size() == 2);
  memberships.observe(at_seconds(3), {of_own(FailedRead{"404"}), worker});
  CHECK(memberships.view().failed_reads == 3);
}

TEST_CASE("restored peers are members until answers that may remove them lack them, and never depart") {
  Two two;
  const auto restored =
      two.memberships.restore(at_seconds(0), "self/service", {address(1), address(2), address(3)});
  CHECK(restored.desired_changed);
  CHECK(count<fact::PeerListed>(restored) == 2);
  CHECK_FALSE(two.is_member(name_of("myapp", 1)));
  CHECK(two.is_dialable(name_of("myapp", 2)));
  CHECK_FALSE(two.memberships.view().last_answer.has_value());
  CHECK_FALSE(two.memberships.restore(at_seconds(0), "another/service", {address(9)}).desired_changed);
  two.read_for(30, failed(), failed());
  CHECK(two.is_member(name_of("myapp", 3)));
  two.read_for(100, listed({1, 2}), listed({5}));
  CHECK(two.is_dialable(name_of("myapp", 2)));
  CHECK_FALSE(two.is_member(name_of("myapp", 3)));
  CHECK_FALSE(two.has_departed(name_of("myapp", 3)));
  two.read_for(100, listed({1}), listed({5}));
  CHECK(two.has_departed(name_of("myapp", 2)));
}

TEST_CASE("our own container is selected by its uuid while it has no address") {
  Memberships memberships({both().front()}, {{"role", LabelRule::Test::equal, "db"}});
  auto peer = container(2);
  peer.labels = {{"role", "db"}};
  memberships.observe(at_seconds(1), {of_own(service({container(1), peer}))});
  for (int second = 2; second < 100; ++second) {
    memberships.observe(at_seconds(second), {of_own(service({without_address(container(1)), peer}))});
  }
  CHECK(memberships.desired()->own == OwnMembership::listed);
}

TEST_CASE("that nobody lists us is stated where our own labels are needed") {
  Memberships memberships(both(), {{"colour", LabelRule::Test::same, ""}});
  std::size_t stated = 0;
  for (int second = 0; second < 30; ++second) {
    const auto observed =
        memberships.observe(at_seconds(second), {of_own(listed({2})), of_worker(listed({3}))});
    stated += count<fact::OwnUnlisted>(observed);
    CHECK((second >= 10 || stated == 0));
  }
  CHECK(stated == 1);
}

TEST_CASE("peers that are missing while one of several services is empty are held for longer") {
  Membership membership(settings());
  membership.observe(at_seconds(0), ReadScope::self, running({1, 2, 3, 4, 5, 6, 7, 8}));
  auto emptied = running({1, 2, 3, 4, 5, 6, 7});
  emptied.has_empty_service = true;
  read_every_second(membership, 1, 59, ReadScope::self, emptied);
  CHECK(membership.desired()->members.contains(node(8)));
  read_every_second(membership, 60, 61, ReadScope::self, emptied);
  CHECK(membership.desired()->departed == nodes({8}));
}
