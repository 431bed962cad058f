#include "status/snapshot_term.hpp"

#include <doctest/doctest.h>

#include <string>

#include "reports.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::status;
using namespace rancher_cnode::status::test;
using distribution::TermBytes;
using distribution::TermReader;
using reconciler::PeerState;

namespace {

TargetSnapshot plain_target() {
  TargetSnapshot target{.node = node("myapp@10.42.0.1"),
                        .reason = {},
                        .stage = {},
                        .since = {},
                        .peers = {},
                        .departed = {},
                        .counters = {}};
  return target;
}

Snapshot snapshot_of(TargetSnapshot one) {
  Snapshot snapshot{.now = TimePoint(Milliseconds(5'000)),
                    .started = TimePoint(Milliseconds(1'000)),
                    .node = node("remsh-rancher_cnode@10.42.0.1"),
                    .program_version = "1.2.3",
                    .node_counters = {},
                    .metadata = {},
                    .member_views = {},
                    .targets = {}};
  snapshot.targets.push_back(std::move(one));
  return snapshot;
}

/// The value of an atom key of a map, as text; "no such key" if there is none.
std::string value_of(std::span<const char> map, std::string_view key) {
  TermReader reader(map);
  const auto pairs = reader.map();
  REQUIRE(pairs);
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    const bool found = *reader.atom() == key;
    const auto value = reader.skip();
    REQUIRE(value);
    if (found) {
      return distribution::printed(*value);
    }
  }
  return "no such key";
}

/// The first element of the list under the key.
TermBytes first_of(const TermBytes& map, std::string_view key) {
  TermReader reader(map);
  const auto pairs = reader.map();
  REQUIRE(pairs);
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    if (*reader.atom() == key) {
      REQUIRE(reader.list().value_or(0) > 0);
      const auto value = reader.skip();
      return {value->begin(), value->end()};
    }
    REQUIRE(reader.skip());
  }
  FAIL("no such key");
  return {};
}

}  // namespace

TEST_CASE("the status of a node has its times and its name") {
  const auto term = status_term(snapshot_of(plain_target()));
  CHECK(value_of(term, "node") == "remsh-rancher_cnode@10.42.0.1");
  CHECK(value_of(term, "uptime_ms") == "4000");
  CHECK(value_of(term, "own_container") == "unknown");
  for (const auto* key : {"version", "build", "registration", "connections", "metadata", "targets", "peers",
                          "departed", "counters"}) {
    CAPTURE(key);
    CHECK(value_of(term, key) != "no such key");
  }
}

TEST_CASE("a connected target has neither reason nor stage") {
  auto well = plain_target();
  well.state = TargetSnapshot::State::connected;
  well.connected = 7;
  const auto term = first_of(status_term(snapshot_of(well)), "targets");
  CHECK(value_of(term, "state") == "connected");
  CHECK(value_of(term, "reason") == "undefined");
  CHECK(value_of(term, "stage") == "undefined");
  CHECK(value_of(term, "connected") == "7");
}

TEST_CASE("a target that refuses has a stage and a reason") {
  auto refusing = plain_target();
  refusing.reason = "most likely the cookies differ";
  refusing.stage = "challenge_ack";
  const auto term = first_of(status_term(snapshot_of(refusing)), "targets");
  CHECK(value_of(term, "state") == "awaited");
  CHECK(value_of(term, "stage") == "challenge_ack");
  CHECK(value_of(term, "reason").find("cookie") != std::string::npos);
}

TEST_CASE("a held peer has the reason of the metadata") {
  auto one = plain_target();
  one.peers.push_back({.node = node("myapp@10.42.0.2"),
                       .state = PeerState::held,
                       .reason = "the link dropped",
                       .since = {},
                       .attempts = 0,
                       .next_try = {}});
  auto snapshot = snapshot_of(one);
  snapshot.member_views.push_back({.node = node("myapp@10.42.0.2"),
                                   .state = membership::MemberState::held,
                                   .reason = "its state is stopped",
                                   .since = {}});
  const auto bytes = peers_term(snapshot);
  TermReader list(bytes);
  REQUIRE(list.list().value_or(0) == 1);
  CHECK(value_of(*list.skip(), "reason").find("stopped") != std::string::npos);
}
