#include "rancher_cnode/membership/eligibility.hpp"

#include <doctest/doctest.h>

#include "support/unit/samples.hpp"

namespace rancher_cnode::membership {
namespace {

using samples::address;
using samples::container;
using samples::service;
using samples::without_address;

/// A judged read together with the service that it looks into.
struct Judged : Eligibility {
  Judged(Service listed, HealthPolicy health) : service(std::move(listed)) {
    static_cast<Eligibility&>(*this) = judge(service, health);
  }
  Judged(const Judged&) = delete;
  Judged& operator=(const Judged&) = delete;

  Service service;
};

std::size_t dropped(const Eligibility& result, DropReason reason) {
  return result.dropped.at(static_cast<std::size_t>(reason)).count;
}

const Member& member_at(const Eligibility& result, int number) {
  const Member* member = result.find(address(number));
  REQUIRE(member != nullptr);
  return *member;
}

std::size_t dropped_in_all(const Eligibility& result) {
  std::size_t sum = 0;
  for (const Dropped& reason : result.dropped) {
    sum += reason.count;
  }
  return sum;
}

TEST_CASE("a state says whether a container may be dialled") {
  const struct {
    const char* state;
    bool up;
  } rows[] = {{"requested", true},
              {"creating", true},
              {"starting", true},
              {"running", true},
              {"restarting", true},
              {"migrating", true},
              {"stopping", false},
              {"stopped", false},
              {"updating-running", true},
              {"updating-stopped", false},
              {"removing", false},
              {"removed", false},
              {"error", false},
              {"erroring", false},
              {"purging", false},
              {"purged", false},
              {"", true},
              {"a-state-of-the-future", true}};
  for (const auto& row : rows) {
    CAPTURE(row.state);
    CHECK(is_up(row.state) == row.up);
    const Judged result(service({container(1, row.state)}), HealthPolicy::any);
    REQUIRE(result.members.size() == 1);
    CHECK(member_at(result, 1).hold.empty() == row.up);
  }
}

TEST_CASE("health counts only when it is asked for, and passes as in Rancher's own DNS") {
  const struct {
    std::optional<std::string> health;
    bool passing;
  } rows[] = {{std::nullopt, true},
              {"", true},
              {"healthy", true},
              {"updating-healthy", true},
              {"initializing", false},
              {"reinitializing", false},
              {"unhealthy", false},
              {"updating-unhealthy", false},
              {"updating-reinitializing", false},
              {"reconcile", false}};
  for (const auto& row : rows) {
    CAPTURE(row.health.value_or("null"));
    Container checked = container(1);
    checked.health_state = row.health;
    CHECK(member_at(Judged(service({checked}), HealthPolicy::any), 1).hold.empty());
    CHECK(member_at(Judged(service({checked}), HealthPolicy::passing), 1).hold.empty() == row.passing);
  }
}

TEST_CASE("a hold says why in words") {
  Container sick = container(2);
  sick.health_state = "unhealthy";
  const Judged result(service({container(1, "stopped"), sick}), HealthPolicy::passing);
  CHECK(member_at(result, 1).hold == "state is stopped");
  CHECK(member_at(result, 2).hold == "health is unhealthy");
}

TEST_CASE("the address is the primary one, else that of the network, else the first") {
  Container primary = container(1);
  primary.ips = {"10.42.0.99"};
  Container first = without_address(container(2));
  first.ips = {"10.42.0.22", "10.42.0.23"};
  Container empty = without_address(container(3));
  empty.primary_ip = "";
  empty.ips = {"10.42.0.33"};
  const Judged result(service({primary, first, empty}), HealthPolicy::any);
  CHECK(result.members.size() == 3);
  CHECK(member_at(result, 1).name == "web-1");
  CHECK(member_at(result, 22).name == "web-2");
  CHECK(member_at(result, 33).name == "web-3");
}

TEST_CASE("a container on another's network has the address of that container") {
  Container sidekick = without_address(container(2));
  sidekick.network_from_container_uuid = "uuid-1";
  SUBCASE("whatever the order in the list") {
    for (const auto& listed : {service({container(1), sidekick}), service({sidekick, container(1)})}) {
      const Judged result(listed, HealthPolicy::any);
      CHECK(result.members.size() == 1);
      CHECK((result.find(address(1)) != nullptr));
      CHECK(dropped(result, DropReason::duplicate) == 1);
    }
  }
  SUBCASE("even before its own ips") {
    sidekick.ips = {"10.42.0.77"};
    CHECK_FALSE(Judged(service({container(1), sidekick}), HealthPolicy::any).find(address(77)) != nullptr);
  }
  SUBCASE("even the first of its ips, if it has no other") {
    Container main = without_address(container(1));
    main.ips = {"10.42.0.88"};
    CHECK((Judged(service({main, sidekick}), HealthPolicy::any).find(address(88)) != nullptr));
    CHECK(dropped(Judged(service({main, sidekick}), HealthPolicy::any), DropReason::duplicate) == 1);
  }
  SUBCASE("and has none if that one is not in the read, or has none") {
    CHECK(dropped(Judged(service({sidekick}), HealthPolicy::any), DropReason::no_address) == 1);
    const Service none = service({without_address(container(1)), sidekick});
    CHECK(dropped(Judged(none, HealthPolicy::any), DropReason::no_address) == 2);
  }
  SUBCASE("and two that name each other have none") {
    Container main = without_address(container(1));
    main.network_from_container_uuid = "uuid-2";
    CHECK(dropped(Judged(service({main, sidekick}), HealthPolicy::any), DropReason::no_address) == 2);
  }
}

TEST_CASE("containers on one address are one peer, which may be dialled if any of them is up") {
  Container stopped = container(1, "stopped");
  stopped.uuid = "old";
  for (const auto& listed : {service({stopped, container(1)}), service({container(1), stopped})}) {
    const Judged result(listed, HealthPolicy::any);
    REQUIRE(result.members.size() == 1);
    CHECK(member_at(result, 1).hold.empty());
    CHECK(member_at(result, 1).uuid == "uuid-1");
    CHECK(dropped(result, DropReason::duplicate) == 1);
  }
}

TEST_CASE("containers on one address that are all up, or all down, count as the one that is listed first") {
  for (const char* state : {"running", "stopped"}) {
    CAPTURE(state);
    Container sidekick = container(1, state);
    sidekick.uuid = "sidekick";
    const Judged main_first(service({container(1, state), sidekick}), HealthPolicy::any);
    CHECK(member_at(main_first, 1).uuid == "uuid-1");
    const Judged sidekick_first(service({sidekick, container(1, state)}), HealthPolicy::any);
    CHECK(member_at(sidekick_first, 1).uuid == "sidekick");
  }
}

TEST_CASE("old and new instances under one name are two peers") {
  Container old = container(1, "stopping");
  Container fresh = container(2, "starting");
  fresh.name = old.name;
  const Judged result(service({old, fresh}), HealthPolicy::any);
  CHECK(result.members.size() == 2);
  CHECK_FALSE(member_at(result, 1).hold.empty());
  CHECK(member_at(result, 2).hold.empty());
}

TEST_CASE("what cannot be an address of a peer is dropped and counted with an example") {
  const struct {
    const char* text;
    DropReason reason;
  } rows[] = {{"fe80::1", DropReason::not_ipv4},           {"10.42.0.1/16", DropReason::not_ipv4},
              {"web.shop.internal", DropReason::not_ipv4}, {"10.42.0.01", DropReason::not_ipv4},
              {" 10.42.0.1", DropReason::not_ipv4},        {"'; drop", DropReason::not_ipv4},
              {"127.0.0.1", DropReason::not_a_host},       {"0.0.0.0", DropReason::not_a_host},
              {"224.0.0.1", DropReason::not_a_host},       {"255.255.255.255", DropReason::not_a_host}};
  for (const auto& row : rows) {
    CAPTURE(row.text);
    Container odd = container(9);
    odd.primary_ip = row.text;
    const Judged result(service({container(1), odd}), HealthPolicy::any);
    CHECK(result.members.size() == 1);
    CHECK(dropped(result, row.reason) == 1);
    CHECK(dropped_in_all(result) == 1);
    CHECK(result.dropped.at(static_cast<std::size_t>(row.reason)).example ==
          std::string("web-9: ") + row.text);
  }
}

TEST_CASE("the example of containers without an address is the name of the last") {
  const Judged result(service({without_address(container(1)), without_address(container(2))}),
                      HealthPolicy::any);
  CHECK(result.dropped.at(static_cast<std::size_t>(DropReason::no_address)).example == "web-2");
}

TEST_CASE("an example of what was dropped is never long") {
  Container odd = container(1);
  odd.name = std::string(100'000, 'x');
  odd.primary_ip = std::string(100'000, 'y');
  const Judged result(service({odd}), HealthPolicy::any);
  CHECK(result.dropped.at(static_cast<std::size_t>(DropReason::not_ipv4)).example.size() == 120);
}

TEST_CASE("an example ends with a whole character") {
  Container odd = without_address(container(1));
  odd.name = std::string(119, 'x') + "\xc3\xbc";
  const Judged result(service({odd}), HealthPolicy::any);
  CHECK(result.dropped.at(static_cast<std::size_t>(DropReason::no_address)).example == std::string(119, 'x'));
}

TEST_CASE("containers without a usable address are named by their uuid, unless that is missing too") {
  Container nameless = without_address(container(3));
  nameless.uuid.clear();
  Container odd = container(4);
  odd.primary_ip = "fe80::1";
  Container loopback = container(5);
  loopback.primary_ip = "127.0.0.1";
  const Judged result(
      service({loopback, without_address(container(2)), odd, nameless, without_address(container(1))}),
      HealthPolicy::any);
  CHECK(result.members.empty());
  CHECK(dropped(result, DropReason::no_address) == 3);
  CHECK(result.unaddressed == std::vector<std::string_view>{"uuid-1", "uuid-2", "uuid-4", "uuid-5"});
}

}  // namespace
}  // namespace rancher_cnode::membership
