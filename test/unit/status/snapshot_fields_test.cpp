// Every field of the status, each with a value of its own, so that none can stand in for another.
#include <doctest/doctest.h>

#include <string>

#include "reports.hpp"
#include "status/snapshot_term.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::status;
using namespace rancher_cnode::status::test;
using distribution::TermReader;
using distribution::TermType;

namespace {

/// As printed(), and maps and lists whole: {key: value, ...} in the term's order.
std::string shown(TermReader& reader) {
  std::string text;
  if (reader.peek() == TermType::map) {
    const auto pairs = *reader.map();
    for (std::uint32_t i = 0; i < pairs; ++i) {
      text += (i == 0 ? "" : ", ") + std::string(*reader.atom()) + ": ";
      text += shown(reader);
    }
    return "{" + text + "}";
  }
  if (reader.peek() == TermType::list) {
    const auto length = *reader.list();
    for (std::uint32_t i = 0; i < length; ++i) {
      text += (i == 0 ? "" : ", ") + shown(reader);
    }
    REQUIRE(reader.nil());
    return "[" + text + "]";
  }
  return distribution::printed(*reader.skip());
}

std::string shown(const distribution::TermBytes& term) {
  TermReader reader(term);
  return shown(reader);
}

TargetSnapshot full_target() {
  return {.node = node("myapp@10.42.0.1"),
          .state = TargetSnapshot::State::unresponsive,
          .reason = "no answer",
          .stage = "epmd",
          .since = at(9'000),
          .has_synced = true,
          .connected = 3,
          .peers = {{.node = node("myapp@10.42.0.2"),
                     .state = reconciler::PeerState::waiting,
                     .reason = "refused",
                     .since = at(8'000),
                     .attempts = 4,
                     .next_try = at(10'750),
                     .last_error = "refused",
                     .last_failed = at(7'500)}},
          .departed = {{.node = node("myapp@10.42.0.3"),
                        .state = reconciler::DepartedState::disconnecting,
                        .reason = "not yet",
                        .since = at(7'000)}},
          .counters = {.lists = 11,
                       .lists_failed = 12,
                       .probes = 13,
                       .probes_failed = 14,
                       .inspections = 28,
                       .dials = 15,
                       .dials_failed = 16,
                       .connections_gained = 17,
                       .connections_lost = 18,
                       .disconnects = 19,
                       .disconnects_failed = 20,
                       .stale_answers = 0}};
}

Snapshot snapshot() {
  Snapshot snapshot{.now = at(10'000),
                    .started = at(500),
                    .node = node("rancher_cnode@10.42.0.1"),
                    .program_version = "1.2.3",
                    .program_build = "release-gcc",
                    .registration = distribution::RegistrationState::registered,
                    .connections = 6,
                    .node_counters = {.connections_accepted = 21,
                                      .connections_made = 22,
                                      .connections_lost = 23,
                                      .handshakes_failed = 24,
                                      .inbound_refused = 25,
                                      .messages_dropped = 26,
                                      .controls_ignored = 27},
                    .settings = {{"removal", "safe"}, {"label", ""}},
                    .metadata = {.url = "http://m", .version = "v1", .view = {}},
                    .member_views = {},
                    .targets = {full_target()}};
  auto& view = snapshot.metadata.view;
  view.own = membership::OwnMembership::listed;
  view.last_answer = at(6'000);
  view.last_authoritative = at(5'000);
  view.last_failed = at(4'000);
  view.last_failure = "404";
  view.authoritative_reads = 31;
  view.incomplete_reads = 32;
  view.failed_reads = 33;
  view.removed_peers = 34;
  for (std::size_t i = 0; i < view.dropped.size(); ++i) {
    view.dropped[i].count = 41 + i;
  }
  view.mass_removal_guard = {.missing = 7, .known = 9, .since = at(3'000)};
  snapshot.metadata.services = {{"self/service", view}};
  snapshot.started_unix = Milliseconds(1'700'000'000'123);
  snapshot.process = {.resident_bytes = 51, .cpu = Milliseconds(52), .descriptors = 53, .threads = 54};
  snapshot.durations.add(reconciler::ProbeOutcome::not_registered, Milliseconds(1'001));
  snapshot.durations.add(reconciler::DialOutcome::silent, Milliseconds(7'500));
  snapshot.durations.add(reconciler::DialOutcome::silent, Milliseconds(30'000));
  return snapshot;
}

const std::string peers =
    "[{node: myapp@10.42.0.2, target: myapp@10.42.0.1, state: waiting, dialable: true, "
    "service: undefined, reason: <<\"refused\">>, since_ms_ago: 2000, attempts: 4, next_attempt_in_ms: 750, "
    "last_error: "
    "<<\"refused\">>, last_error_ms_ago: 2500}]";

std::string shown_duration(const std::string& action, const std::string& result,
                           const std::string& count_and_total, const std::vector<int>& within) {
  std::string text = "{action: " + action + ", result: " + result + ", " + count_and_total + ", buckets: [";
  const std::vector<int> limits{5, 25, 100, 250, 1'000, 2'500, 7'500, 15'000};
  for (std::size_t i = 0; i < limits.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::string("{limit_ms: ") + std::to_string(limits[i]) +
            ", count: " + std::to_string(within[i]) + "}";
  }
  return text + "]}";
}

/// One probe of 1.001 s, and dials of 7.5 s and 30 s; results that never came have no map.
std::string shown_durations() {
  return shown_duration("probe", "not_registered", "count: 1, total_ms: 1001", {0, 0, 0, 0, 0, 1, 1, 1}) +
         ", " + shown_duration("dial", "silent", "count: 2, total_ms: 37500", {0, 0, 0, 0, 0, 0, 1, 1});
}

}  // namespace

TEST_CASE("every field of the status has its own value") {
  CHECK(
      shown(status_term(snapshot())) ==
      "{node: rancher_cnode@10.42.0.1, awaits: undefined, version: <<\"1.2.3\">>, build: "
      "<<\"release-gcc\">>, "
      "uptime_ms: 9500, "
      "registration: registered, "
      "connections: 6, own_container: listed, "
      "settings: [{name: <<\"removal\">>, value: <<\"safe\">>}, {name: <<\"label\">>, value: undefined}], "
      "metadata: {url: <<\"http://m\">>, version: <<\"v1\">>, last_answer_ms_ago: 4000, "
      "last_authoritative_ms_ago: "
      "5000, "
      "last_failure: <<\"404\">>, last_failure_ms_ago: 6000, authoritative_reads: 31, incomplete_reads: 32, "
      "failed_reads: 33, removed_peers: 34, "
      "containers_skipped: {no_address: 41, not_ipv4: 42, not_a_host: 43, duplicate: 44, unselected: 45}, "
      "mass_removal_guard: {missing: 7, known: 9, since_ms_ago: 7000}, services: [{path: "
      "<<\"self/service\">>, own_container: listed, "
      "last_answer_ms_ago: 4000, last_authoritative_ms_ago: 5000, last_failure: <<\"404\">>, "
      "last_failure_ms_ago: 6000}]}, "
      "targets: [{node: myapp@10.42.0.1, state: unresponsive, reason: <<\"no answer\">>, stage: epmd, "
      "since_ms_ago: 1000, connected: 3, has_synced: true, "
      "counters: {lists: 11, lists_failed: 12, probes: 13, probes_failed: 14, inspections: 28, dials: 15, "
      "dials_failed: 16, "
      "connections_gained: 17, connections_lost: 18, disconnects: 19, disconnects_failed: 20}}], "
      "peers: " +
          peers +
          ", departed: [{node: myapp@10.42.0.3, target: myapp@10.42.0.1, state: disconnecting, "
          "reason: <<\"not yet\">>, since_ms_ago: 3000}], "
          "counters: {connections_accepted: 21, connections_made: 22, connections_lost: 23, "
          "handshakes_failed: 24, "
          "inbound_refused: 25, messages_dropped: 26, controls_ignored: 27}, "
          "durations: [" +
          shown_durations() +
          "], process: {started_unix_ms: 1700000000123, resident_bytes: 51, cpu_ms: 52, descriptors: 53, "
          "threads: 54}}");
  CHECK(shown(peers_term(snapshot())) == peers);
}

TEST_CASE("unknown values are undefined") {
  auto nothing = snapshot();
  nothing.metadata = {};
  nothing.targets.clear();
  nothing.node.reset();
  nothing.awaits = "no BEAM";
  const std::string text = shown(status_term(nothing));
  CHECK(text.starts_with("{node: undefined, awaits: <<\"no BEAM\">>, version: "));
  CHECK(text.find("metadata: {url: undefined, version: undefined, last_answer_ms_ago: undefined, "
                  "last_authoritative_ms_ago: undefined, last_failure: undefined, last_failure_ms_ago: "
                  "undefined, ") != std::string::npos);
  CHECK(text.find("mass_removal_guard: undefined") != std::string::npos);
  CHECK(text.find("targets: [], peers: [], departed: [], ") != std::string::npos);
}

TEST_CASE("only a held peer has the reason of the metadata, if that has one") {
  const auto reason = [](reconciler::PeerState state, bool listed) {
    auto one = snapshot();
    one.targets[0].peers[0].state = state;
    if (listed) {
      one.member_views.push_back({.node = one.targets[0].peers[0].node,
                                  .state = membership::MemberState::held,
                                  .reason = "its state is stopped",
                                  .since = {}});
    }
    const std::string text = shown(peers_term(one));
    const std::size_t begin = text.find("reason: <<\"") + 11;
    return text.substr(begin, text.find('"', begin) - begin);
  };
  CHECK(reason(reconciler::PeerState::held, true) == "its state is stopped");
  CHECK(reason(reconciler::PeerState::held, false) == "refused");
  CHECK(reason(reconciler::PeerState::waiting, true) == "refused");
}

TEST_CASE("a dialable peer that is held keeps the reason of the reconciler") {
  auto one = snapshot();
  one.targets[0].peers[0].state = reconciler::PeerState::held;
  one.member_views.push_back({.node = one.targets[0].peers[0].node, .reason = {}, .since = {}});
  const std::string text = shown(peers_term(one));
  CHECK(text.find("dialable: true, service: undefined, reason: <<\"refused\">>") != std::string::npos);
  one.member_views[0].state = membership::MemberState::suspected;
  one.member_views[0].reason = "missing";
  CHECK(shown(peers_term(one)).find("dialable: false, service: undefined, reason: <<\"missing\">>") !=
        std::string::npos);
}

TEST_CASE("the next attempt is unknown without one, and is never in the past") {
  auto one = snapshot();
  one.targets[0].peers[0].next_try = at(9'000);
  CHECK(shown(peers_term(one)).find("next_attempt_in_ms: 0, ") != std::string::npos);
  one.targets[0].peers[0].next_try.reset();
  CHECK(shown(peers_term(one)).find("next_attempt_in_ms: undefined, ") != std::string::npos);
}

TEST_CASE("each target state has its own word") {
  CHECK(to_string(TargetSnapshot::State::awaited) == "awaited");
  CHECK(to_string(TargetSnapshot::State::connected) == "connected");
  CHECK(to_string(TargetSnapshot::State::unresponsive) == "unresponsive");
}
