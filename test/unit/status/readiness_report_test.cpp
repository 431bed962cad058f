#include "rancher_cnode/status/readiness_report.hpp"

#include <doctest/doctest.h>

#include "reports.hpp"

using namespace rancher_cnode;
using membership::MembershipView;
using reconciler::PeerState;
using status::readiness_report;
using status::TargetSnapshot;
using status::test::node;

namespace {

MembershipView has_read() {
  MembershipView view;
  view.last_answer = TimePoint{};
  return view;
}

TargetSnapshot target_in(TargetSnapshot::State state, const char* reason) {
  return {.node = node("myapp@10.42.0.1"),
          .state = state,
          .reason = reason,
          .stage = {},
          .since = {},
          .peers = {},
          .departed = {},
          .counters = {}};
}

const TargetSnapshot awaited = target_in(TargetSnapshot::State::awaited, "most likely the cookies differ");

}  // namespace

TEST_CASE("metadata that was not read is reported with the last failure, if there was one") {
  MembershipView view;
  CHECK(readiness_report(view, {}) == "the metadata has not been read yet");
  view.last_failure = "http://rancher-metadata: 404";
  CHECK(readiness_report(view, {}) == "the metadata has not been read yet: http://rancher-metadata: 404");
}

TEST_CASE("metadata and the target are both reported if both are missing") {
  CHECK(readiness_report({}, {{awaited}, 1}) ==
        "the metadata has not been read yet; target myapp@10.42.0.1 is awaited: most likely the cookies "
        "differ");
}

TEST_CASE("a connected target is not reported as missing without metadata") {
  CHECK(readiness_report({}, {{target_in(TargetSnapshot::State::connected, "")}, 1}) ==
        "the metadata has not been read yet");
}

TEST_CASE("a target that does not answer is reported with its reason") {
  CHECK(readiness_report(has_read(), {{target_in(TargetSnapshot::State::unresponsive, "timeout")}, 1}) ==
        "target myapp@10.42.0.1 does not answer: timeout");
}

TEST_CASE("for a connected target the report names the peers that were not tried yet") {
  TargetSnapshot connected = target_in(TargetSnapshot::State::connected, "");
  CHECK(readiness_report(has_read(), {{connected}, 1}) ==
        "target myapp@10.42.0.1 is connected, and has not listed its connections yet");
  connected.peers = {{.node = node("myapp@10.42.0.2"),
                      .state = PeerState::connected,
                      .reason = {},
                      .since = {},
                      .next_try = {}},
                     {.node = node("myapp@10.42.0.3"),
                      .state = PeerState::probing,
                      .reason = "is asked for",
                      .since = {},
                      .next_try = {}},
                     {.node = node("myapp@10.42.0.4"),
                      .state = PeerState::queued,
                      .reason = {},
                      .since = {},
                      .next_try = {}},
                     {.node = node("myapp@10.42.0.5"),
                      .state = PeerState::queued,
                      .reason = {},
                      .since = {},
                      .attempts = 1,
                      .next_try = {}}};
  CHECK(
      readiness_report(has_read(), {{connected}, 1}) ==
      "target myapp@10.42.0.1 is connected; peers not tried yet: 2, the first myapp@10.42.0.3: is asked for");
}

TEST_CASE("a peer counts as not tried while it is queued, probed or dialled, and never failed") {
  for (const auto& [state, untried] :
       {std::pair{PeerState::queued, true}, std::pair{PeerState::probing, true},
        std::pair{PeerState::dialling, true}, std::pair{PeerState::waiting, false},
        std::pair{PeerState::held, false}, std::pair{PeerState::connected, false}}) {
    TargetSnapshot connected = target_in(TargetSnapshot::State::connected, "");
    connected.peers = {
        {.node = node("myapp@10.42.0.2"), .state = state, .reason = {}, .since = {}, .next_try = {}}};
    const auto text = readiness_report(has_read(), {{connected}, 1});
    CHECK((text.find("peers not tried yet: 1, the first myapp@10.42.0.2") != std::string::npos) == untried);
  }
}

TEST_CASE("when there are many targets, some are reported and the others counted") {
  CHECK(readiness_report(has_read(), {{awaited, awaited}, 7}) ==
        "target myapp@10.42.0.1 is awaited: most likely the cookies differ; "
        "target myapp@10.42.0.1 is awaited: most likely the cookies differ; and 5 more targets");
}

TEST_CASE("without a known reason the report is that the initial sync is not done") {
  CHECK(readiness_report(has_read(), {}) == "the initial sync is not done yet");
}
