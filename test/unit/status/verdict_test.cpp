// Whether the cluster is whole, and what `check` makes of it.
#include "rancher_cnode/status/verdict.hpp"

#include <doctest/doctest.h>

#include "reports.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::status;
using namespace rancher_cnode::status::test;
using Kind = Verdict::Kind;

namespace {

Snapshot whole() { return snapshot_with({connected_peer("myapp@10.42.0.2")}, 1); }
Snapshot incomplete() {
  return snapshot_with({connected_peer("myapp@10.42.0.2"), waiting_peer("myapp@10.42.0.3")}, 1);
}

std::string line(const Snapshot& snapshot, const Demands& demands, CheckResult::Outcome outcome) {
  const auto result = check(report_of(snapshot), demands);
  CAPTURE(result.line);
  CHECK(result.outcome == outcome);
  return result.line;
}
std::string passes(const Snapshot& snapshot, const Demands& demands = {}) {
  return line(snapshot, demands, CheckResult::Outcome::passed);
}
std::string fails(const Snapshot& snapshot, const Demands& demands = {}) {
  return line(snapshot, demands, CheckResult::Outcome::failed);
}

}  // namespace

TEST_CASE("a cluster is whole while every dialable peer is connected; held ones count apart") {
  auto snapshot = whole();
  hold(snapshot, "myapp@10.42.0.4");
  CHECK(verdict_on(report_of(snapshot)).kind == Kind::whole);
  CHECK(passes(snapshot) == "passed: WHOLE, 1 of 1 dialable peers connected, 1 held apart");
}

TEST_CASE("one dialable peer that is not connected makes it incomplete") {
  CHECK(verdict_on(report_of(incomplete())).kind == Kind::incomplete);
  CHECK(fails(incomplete()) ==
        "failed: INCOMPLETE, 1 of 2 dialable peers connected; missing myapp@10.42.0.3: the peer's epmd does "
        "not answer");
}

TEST_CASE("a newcomer that is held while another member is looked up is missing") {
  auto snapshot = incomplete();
  snapshot.targets[0].peers[1].state = reconciler::PeerState::held;
  CHECK(verdict_on(report_of(snapshot)).kind == Kind::incomplete);
}

TEST_CASE("without a connected BEAM it does not drive") {
  for (const auto state : {TargetSnapshot::State::awaited, TargetSnapshot::State::unresponsive}) {
    auto snapshot = whole();
    snapshot.targets[0].state = state;
    snapshot.targets[0].reason = "no such node";
    CHECK(verdict_on(report_of(snapshot)).kind == Kind::not_driving);
    CHECK(fails(snapshot, {.expect = {}, .min = 0, .max_metadata_age = {}}).find(": no such node") !=
          std::string::npos);
  }
  auto snapshot = whole();
  snapshot.targets.clear();
  CHECK(fails(snapshot).find("no BEAM is known yet") != std::string::npos);
}

TEST_CASE("without an authoritative answer it does not drive") {
  auto snapshot = whole();
  snapshot.metadata.view.last_authoritative.reset();
  snapshot.metadata.view.last_failure = "404";
  CHECK(fails(snapshot) ==
        "failed: NOT DRIVING, 1 of 1 dialable peers connected; no authoritative answer of the metadata yet: "
        "404");
}

TEST_CASE("expect demands exactly so many peers and none missing") {
  passes(whole(), {.expect = 1, .min = {}, .max_metadata_age = {}});
  CHECK(fails(whole(), {.expect = 2, .min = {}, .max_metadata_age = {}}).find("expected 2") !=
        std::string::npos);
  fails(whole(), {.expect = 0, .min = {}, .max_metadata_age = {}});
  fails(incomplete(), {.expect = 1, .min = {}, .max_metadata_age = {}});
}

TEST_CASE("min demands so many peers, whatever else is missing") {
  passes(incomplete(), {.expect = {}, .min = 1, .max_metadata_age = {}});
  CHECK(fails(incomplete(), {.expect = {}, .min = 2, .max_metadata_age = {}}).find("at least 2") !=
        std::string::npos);
}

TEST_CASE("the age of the metadata is that of the last authoritative answer") {
  passes(whole(), {.expect = {}, .min = {}, .max_metadata_age = Milliseconds(2'000)});
  CHECK(fails(whole(), {.expect = {}, .min = {}, .max_metadata_age = Milliseconds(1'999)})
            .find("2000 ms old") != std::string::npos);
}

TEST_CASE("with several targets the one with the fewest peers counts") {
  auto snapshot = whole();
  auto other = snapshot.targets[0];
  other.connected = 0;
  snapshot.targets.push_back(other);
  fails(snapshot, {.expect = {}, .min = 1, .max_metadata_age = {}});
  CHECK(verdict_on(report_of(snapshot)).fewest_connected == 0);
}

TEST_CASE("foreign text stays in one line") {
  auto snapshot = incomplete();
  snapshot.metadata.view.last_authoritative.reset();
  snapshot.metadata.view.last_failure = "a\nb\x1b[31m";
  const auto text = fails(snapshot);
  CHECK(text.find('\n') == std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
}
