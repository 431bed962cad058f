// The plan of the command `plan`, by the real membership and reconciler.
#include "cli/plan/plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "doctor_facts.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::cli;
using doctor::test::container;
using doctor::test::own_ip;

namespace {

Ipv4Address address(std::uint32_t number) { return Ipv4Address(0x0a2a0000U + number); }
NodeName node(std::uint32_t number) { return NodeName::of("myapp", address(number)); }

/// A service of these containers, our own one (2) included.
PlanInput input_of(const std::vector<std::uint32_t>& listed, const std::vector<std::uint32_t>& connected,
                   const std::vector<std::uint32_t>& known = {}) {
  PlanInput input{
      .memberships = {{.service = "self/service", .node_basename = "myapp", .own_address = own_ip}},
      .reconciler = {.target = NodeName::of("myapp", own_ip)},
      .observation = {},
      .connected = {},
      .running = {}};
  membership::Service service{.name = "web",
                              .stack_name = "shop",
                              .uuid = "s",
                              .primary_service_name = "web",
                              .containers = {container(own_ip)}};
  for (const auto number : listed) {
    service.containers.push_back(container(address(number)));
  }
  input.observation.reads = {{service, membership::ReadScope::self, "self/service"}};
  input.observation.url = "http://rancher-metadata";
  for (const auto number : connected) {
    input.connected.push_back(node(number));
  }
  if (!known.empty()) {
    input.running = RunningCnode{.members = {}, .listed_in = {"self/service"}, .other_settings = {}};
    for (const auto number : known) {
      input.running->members.push_back(node(number));
    }
  }
  return input;
}

membership::Service& service_of(PlanInput& input) {
  return std::get<membership::Service>(input.observation.reads.front().read);
}

PlannedPeer peer_of(const PlanInput& input, const NodeName& name) {
  const auto plan = make_plan(input);
  REQUIRE(plan);
  const auto found = std::ranges::find(plan->peers, name, &PlannedPeer::node);
  REQUIRE(found != plan->peers.end());
  return *found;
}

}  // namespace

TEST_CASE("a listed peer is dialled unless it is connected") {
  const auto input = input_of({3, 4}, {3});
  CHECK(peer_of(input, node(3)).action == PlannedAction::keep);
  CHECK(peer_of(input, node(4)).action == PlannedAction::dial);
  CHECK(make_plan(input)->peers.size() == 2);
}

TEST_CASE("a stopped peer is held with its state as the reason, connected or not") {
  auto input = input_of({3, 4}, {3});
  for (auto& listed : service_of(input).containers) {
    listed.state = listed.primary_ip == own_ip.to_string() ? "running" : "stopped";
  }
  CHECK(peer_of(input, node(3)).action == PlannedAction::hold);
  CHECK(peer_of(input, node(3)).reason.find("stopped") != std::string::npos);
  CHECK(peer_of(input, node(3)).reason.ends_with("its connection stays"));
  CHECK(peer_of(input, node(4)).reason.ends_with("not connected"));
}

TEST_CASE("a connected node that is no member is left alone") {
  CHECK(peer_of(input_of({3}, {3, 9}), node(9)).action == PlannedAction::leave);
}

TEST_CASE("a known member that is no longer listed departs after the delay, by its own C-node") {
  const auto departing = peer_of(input_of({3, 4}, {3, 4, 9}, {3, 4, 9}), node(9));
  CHECK(departing.action == PlannedAction::depart);
  REQUIRE(departing.after);
  CHECK(*departing.after >= Milliseconds(10'000));
  CHECK(*departing.after <= Milliseconds(13'000));
  CHECK(departing.reason.find("by its own C-node") != std::string::npos);
}

TEST_CASE("a C-node that starts with other settings disconnects nobody, not even with immediate removal") {
  auto input = input_of({3, 4}, {3, 9}, {3, 9, 10});
  input.memberships.front().removal = RemovalPolicy::immediate;
  input.reconciler.departed_peers = reconciler::DepartedPolicy::disconnect;
  input.running->other_settings = {"service", "removal"};
  CHECK(
      as_table(*make_plan(input)) ==
      "myapp@10.42.0.2, by http://rancher-metadata: 1 keep, 1 dial, 2 leave\n"
      "keep    myapp@10.42.0.3\n"
      "dial    myapp@10.42.0.4\n"
      "leave   myapp@10.42.0.10  not a member by these settings; not connected\n"
      "leave   myapp@10.42.0.9   not a member by these settings; a restart does not disconnect it\n"
      "The running C-node has other settings (--service, --removal): this is what one does that starts with "
      "these.\n"
      "Nothing was changed.\n");
}

TEST_CASE("a C-node that starts where no answer lists this container dials, and does not depart itself") {
  auto input = input_of({3, 4}, {3}, {3});
  service_of(input).containers.erase(service_of(input).containers.begin());
  input.running->other_settings = {"service"};
  CHECK(peer_of(input, node(3)).reason.empty());
  CHECK(peer_of(input, node(4)).action == PlannedAction::dial);
  CHECK(make_plan(input)->peers.size() == 2);
}

TEST_CASE("a container that its service has lost departs itself, if the running C-node knew it there") {
  auto input = input_of({3, 4}, {3, 4}, {3, 4});
  service_of(input).containers.erase(service_of(input).containers.begin());
  const auto own = peer_of(input, NodeName::of("myapp", own_ip));
  CHECK(own.action == PlannedAction::depart);
  CHECK(own.reason ==
        "the metadata lacks this container; it departs after 10 s, and this C-node disconnects it from all");
  CHECK(peer_of(input, node(3)).reason == "until this container departs");

  input.running->listed_in.clear();
  CHECK(peer_of(input, node(3)).reason.empty());
  CHECK(make_plan(input)->peers.size() == 2);
}

TEST_CASE("a C-node for a whole service disconnects those that have none of their own") {
  auto input = input_of({3, 4}, {3, 4, 9}, {3, 4, 9});
  input.reconciler.departed_peers = reconciler::DepartedPolicy::ignore;
  CHECK(peer_of(input, node(9)).reason.ends_with("disconnected by this C-node unless it has one of its own"));
}

TEST_CASE("immediate removal disconnects at once, by this C-node") {
  auto input = input_of({3, 4}, {3, 4, 9}, {3, 4, 9});
  input.memberships.front().removal = RemovalPolicy::immediate;
  input.reconciler.departed_peers = reconciler::DepartedPolicy::disconnect;
  const auto departing = peer_of(input, node(9));
  CHECK(departing.after == Milliseconds(0));
  CHECK(departing.reason ==
        "the metadata lacks it; it has departed at once, and is disconnected by this C-node");
}

TEST_CASE("nobody departs with removal never") {
  auto input = input_of({3, 4}, {3, 4, 9}, {3, 4, 9});
  input.memberships.front().removal = RemovalPolicy::never;
  const auto missing = peer_of(input, node(9));
  CHECK(missing.action == PlannedAction::hold);
  CHECK(missing.reason.find("disconnect nobody") != std::string::npos);
}

TEST_CASE("the mass-removal guard delays the departures and is named") {
  const auto input = input_of({3}, {3, 4, 5, 6}, {3, 4, 5, 6});
  CHECK(peer_of(input, node(6)).after >= Milliseconds(60'000));
  const auto notes = make_plan(input)->notes;
  REQUIRE_FALSE(notes.empty());
  CHECK(notes.front() == "The mass-removal guard is on: 3 of 4 are missing.");
}

TEST_CASE("an answer that does not list this container removes nobody") {
  auto input = input_of({3}, {3, 9}, {3, 9});
  input.running->listed_in.clear();
  service_of(input).containers.erase(service_of(input).containers.begin());
  CHECK(peer_of(input, node(9)).action != PlannedAction::depart);
  const auto notes = make_plan(input)->notes;
  REQUIRE(notes.size() == 1);
  CHECK(notes.front().starts_with("This answer may only add peers"));
}

TEST_CASE("a failed read is no plan") {
  auto input = input_of({3}, {});
  input.observation.reads = {
      {membership::FailedRead{"connection refused"}, membership::ReadScope::self, "self/service"}};
  REQUIRE_FALSE(make_plan(input));
  CHECK(make_plan(input).error().message == "cannot read the metadata: connection refused");
}

TEST_CASE("the table says what happens to each peer, and that nothing was changed") {
  CHECK(as_table(*make_plan(input_of({3, 4}, {3}))) ==
        "myapp@10.42.0.2, by http://rancher-metadata: 1 keep, 1 dial\n"
        "keep    myapp@10.42.0.3\n"
        "dial    myapp@10.42.0.4\n"
        "No C-node answers: this is what one does that starts with these settings.\n"
        "Nothing was changed.\n");
}

TEST_CASE("the lines of a plan are wrapped") {
  CHECK(as_table(*make_plan(input_of({3, 4}, {3}, {3})), 45) ==
        "myapp@10.42.0.2, by http://rancher-metadata:\n"
        "        1 keep, 1 dial\n"
        "keep    myapp@10.42.0.3\n"
        "dial    myapp@10.42.0.4\n"
        "Nothing was changed.\n");
}

TEST_CASE("the JSON of a plan has every field") {
  CHECK(
      as_json(*make_plan(input_of({3}, {3}, {3}))) ==
      R"({"target":"myapp@10.42.0.2","url":"http://rancher-metadata","version":"",)"
      R"("peers":[{"node":"myapp@10.42.0.3","action":"keep","service":"self/service","reason":"","after_ms":null}],"other_settings":[],"notes":[]})"
      "\n");
}
