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

using Lines = std::vector<std::string>;

Lines lines_of(const Snapshot& snapshot, const ReadyDemands& demands, Readiness::State state) {
  const auto result = readiness(report_of(snapshot), demands);
  CAPTURE(result.lines);
  CHECK(result.state == state);
  return result.lines;
}
Lines ready(const Snapshot& snapshot, const ReadyDemands& demands = {}) {
  return lines_of(snapshot, demands, Readiness::State::ready);
}
Lines unready(const Snapshot& snapshot, const ReadyDemands& demands = {}) {
  return lines_of(snapshot, demands, Readiness::State::unready);
}

}  // namespace

TEST_CASE("a cluster is whole while every dialable peer is connected; held ones count apart") {
  auto snapshot = whole();
  hold(snapshot, "myapp@10.42.0.4");
  CHECK(verdict_on(report_of(snapshot)).kind == Kind::whole);
  CHECK(passes(snapshot) == "passed: WHOLE, 1 of 1 dialable peers connected, 1 held");
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

TEST_CASE("within the grace missing peers are no failure, and after it they are") {
  auto snapshot = incomplete();
  snapshot.started = snapshot.now - Milliseconds(9'999);
  CHECK(passes(snapshot, {.grace = Milliseconds(10'000)}) ==
        "passed: INCOMPLETE, 1 of 2 dialable peers connected; within --grace: missing myapp@10.42.0.3: the "
        "peer's epmd does not answer");
  passes(snapshot, {.min = 2, .grace = Milliseconds(10'000)});
  passes(snapshot, {.expect = 2, .grace = Milliseconds(10'000)});
  fails(snapshot, {.grace = Milliseconds(9'999)});
  snapshot.started = snapshot.now - Milliseconds(10'000);
  fails(snapshot, {.grace = Milliseconds(10'000)});
}

TEST_CASE("the grace excuses neither a BEAM that is not connected nor metadata that are too old") {
  const Milliseconds grace(10'000);
  auto without_beam = incomplete();
  without_beam.started = without_beam.now;
  without_beam.targets[0].state = TargetSnapshot::State::awaited;
  fails(without_beam, {.grace = grace});
  auto outdated = incomplete();
  outdated.started = outdated.now;
  outdated.metadata.view.last_authoritative = outdated.now - Milliseconds(5'000);
  fails(outdated, {.max_metadata_age = Milliseconds(4'999), .grace = grace});
  passes(outdated, {.max_metadata_age = Milliseconds(5'000), .grace = grace});
}

TEST_CASE("ready is who drives a BEAM, has had an authoritative answer, and has the required peers") {
  const auto snapshot =
      snapshot_with({connected_peer("myapp@10.42.0.2"), waiting_peer("myapp@10.42.0.3")}, 1);
  CHECK(ready(snapshot) == Lines{"ready"});
  CHECK(ready(snapshot, {.peers = 1}) == Lines{"ready"});
  CHECK(unready(snapshot, {.peers = 2}) == Lines{"myapp@10.42.0.1 is connected to 1 peers, not to 2"});
}

TEST_CASE("readiness is lost with the BEAM, and not with the metadata") {
  auto snapshot = snapshot_with({}, 0);
  snapshot.metadata.view.last_authoritative = at(0);
  snapshot.metadata.view.last_failed = at(100'000);
  snapshot.metadata.view.last_failure = "connection refused";
  CHECK(ready(snapshot) == Lines{"ready"});
  snapshot.targets[0].state = TargetSnapshot::State::awaited;
  snapshot.targets[0].reason = "closed";
  CHECK(unready(snapshot) == Lines{"BEAM myapp@10.42.0.1 is awaited: closed"});
}

TEST_CASE("every reason against readiness is named") {
  Snapshot nothing{.now = at(1),
                   .started = at(0),
                   .node = {},
                   .program_version = "1",
                   .node_counters = {},
                   .metadata = {},
                   .member_views = {},
                   .targets = {}};
  nothing.metadata.view.last_failure = "no route";
  CHECK(unready(nothing, {.peers = 1}) ==
        Lines{"no BEAM is known yet", "no authoritative answer of the metadata yet: no route"});
}

TEST_CASE("within the grace readiness waits for the required peers, and says how long") {
  auto snapshot = snapshot_with({}, 0);
  const auto wait = [&snapshot](int connected_ms_ago, Milliseconds grace) {
    snapshot.targets[0].since = snapshot.now - Milliseconds(connected_ms_ago);
    const auto lines = unready(snapshot, {.peers = 2, .grace = grace});
    REQUIRE(lines.size() == 1);
    return lines.front();
  };
  const std::string few = "myapp@10.42.0.1 is connected to 0 peers, not to 2; waiting for them for at most ";
  CHECK(wait(0, Milliseconds(1'000)) == few + "1 s more");
  CHECK(wait(999, Milliseconds(1'000)) == few + "1 s more");
  CHECK(wait(1'000, std::chrono::minutes(1)) == few + "59 s more");
  CHECK(wait(0, Milliseconds(60'001)) == few + "2 min more");
  CHECK(wait(1, std::chrono::hours(24)) == few + "1 d more");
  snapshot.targets[0].connected = 2;
  CHECK(ready(snapshot, {.peers = 2, .grace = std::chrono::hours(24)}) == Lines{"ready"});
}

TEST_CASE("after the grace too few peers are no reason against readiness, and it says so") {
  auto snapshot = snapshot_with({}, 0);
  snapshot.targets[0].since = snapshot.now - Milliseconds(1'000);
  const Lines few{"ready; not waiting for peers any more: myapp@10.42.0.1 is connected to 0 peers, not to 2"};
  CHECK(ready(snapshot, {.peers = 2, .grace = Milliseconds(1'000)}) == few);
  CHECK(ready(snapshot, {.peers = 2, .grace = Milliseconds(0)}) == few);
  snapshot.targets[0].connected = 2;
  CHECK(ready(snapshot, {.peers = 2, .grace = Milliseconds(0)}) == Lines{"ready"});
}

TEST_CASE("a BEAM that is connected anew gets the whole grace, however long the program has run") {
  auto snapshot = snapshot_with({}, 0);
  snapshot.started = at(0);
  snapshot.targets[0].since = snapshot.now;
  unready(snapshot, {.peers = 1, .grace = Milliseconds(10'000)});
}

TEST_CASE("the grace excuses neither a missing BEAM nor a missing answer of the metadata") {
  const ReadyDemands demands{.peers = 1, .grace = Milliseconds(0)};
  auto without_beam = snapshot_with({}, 0);
  without_beam.targets[0].state = TargetSnapshot::State::awaited;
  CHECK(unready(without_beam, demands) == Lines{"BEAM myapp@10.42.0.1 is awaited"});
  auto without_answer = snapshot_with({}, 0);
  without_answer.metadata.view.last_authoritative.reset();
  without_answer.metadata.view.last_failure = "404";
  CHECK(unready(without_answer, demands) == Lines{"no authoritative answer of the metadata yet: 404"});
}

TEST_CASE("with several BEAMs each has its own grace, and one that waits makes all unready") {
  auto snapshot = snapshot_with({}, 0);
  snapshot.targets[0].since = snapshot.now - Milliseconds(1'000);
  auto other = snapshot.targets[0];
  other.node = node("myapp@10.42.0.2");
  snapshot.targets.push_back(other);
  const std::string waived = "ready; not waiting for peers any more: myapp@10.42.0.";
  const ReadyDemands demands{.peers = 1, .grace = Milliseconds(1'000)};
  CHECK(ready(snapshot, demands) == Lines{waived + "1 is connected to 0 peers, not to 1",
                                          waived + "2 is connected to 0 peers, not to 1"});
  snapshot.targets[1].since = snapshot.now;
  CHECK(unready(snapshot, demands) ==
        Lines{"myapp@10.42.0.2 is connected to 0 peers, not to 1; waiting for them for at most 1 s more"});
}

TEST_CASE("without a node the reason is what it awaits") {
  auto snapshot = snapshot_with({}, 0);
  snapshot.node.reset();
  snapshot.targets.clear();
  snapshot.awaits = "the own address is not known yet";
  CHECK(shortfall(report_of(snapshot)) == "no BEAM is known yet: the own address is not known yet");
  CHECK(unready(snapshot).front() == "no BEAM is known yet: the own address is not known yet");
}

TEST_CASE("without an authoritative answer the reason is a failure only if that came last") {
  auto snapshot = snapshot_with({}, 0);
  auto& view = snapshot.metadata.view;
  view.last_authoritative.reset();
  view.own = membership::OwnMembership::unknown;
  view.last_failure = "connection refused";
  view.last_failed = at(99'000);
  const std::string none = "no authoritative answer of the metadata yet: ";
  CHECK(shortfall(report_of(snapshot)) == none + "connection refused");
  view.last_answer = at(99'500);
  CHECK(shortfall(report_of(snapshot)) == none + "it answers, but does not list this container");
  view.last_answer.reset();
  CHECK(shortfall(report_of(snapshot)) == none + "connection refused");
}
