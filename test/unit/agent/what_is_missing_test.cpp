#include "what_is_missing.hpp"

#include <doctest/doctest.h>

using namespace rancher_cnode;
using agent::Unfinished;
using agent::what_is_missing;
using membership::MembershipView;
using membership::PeerState;
using status::TargetSnapshot;

namespace {

NodeName node(const char* name) { return *NodeName::parse(name); }

MembershipView has_read() {
  MembershipView view;
  view.last_good = TimePoint{};
  return view;
}

TargetSnapshot target(TargetSnapshot::State state, const char* reason) {
  return {.node = node("myapp@10.42.0.1"),
          .state = state,
          .reason = reason,
          .stage = {},
          .since = {},
          .peers = {},
          .departed = {},
          .counters = {}};
}

const TargetSnapshot awaited = target(TargetSnapshot::State::awaited, "most likely the cookie differs");

}  // namespace

TEST_CASE("metadata that was not read is told with the last failure, if there was one") {
  MembershipView view;
  CHECK(what_is_missing(view, {}) == "the metadata has not been read yet");
  view.last_failure = "http://rancher-metadata: 404";
  CHECK(what_is_missing(view, {}) == "the metadata has not been read yet: http://rancher-metadata: 404");
}

TEST_CASE("metadata and the target are told both where both are missing") {
  CHECK(what_is_missing({}, {{awaited}, 1}) ==
        "the metadata has not been read yet; target myapp@10.42.0.1 is awaited: most likely the cookie "
        "differs");
}

TEST_CASE("a target that is linked is not told as missing while there is no metadata") {
  CHECK(what_is_missing({}, {{target(TargetSnapshot::State::linked, "")}, 1}) ==
        "the metadata has not been read yet");
}

TEST_CASE("a target that does not respond is told with its reason") {
  CHECK(what_is_missing(has_read(), {{target(TargetSnapshot::State::not_responding, "timeout")}, 1}) ==
        "target myapp@10.42.0.1 does not respond: timeout");
}

TEST_CASE("of a target that is linked it is told which peers were not tried yet") {
  TargetSnapshot linked = target(TargetSnapshot::State::linked, "");
  CHECK(what_is_missing(has_read(), {{linked}, 1}) ==
        "target myapp@10.42.0.1 is linked, and has not told its links yet");
  linked.peers = {{.node = node("myapp@10.42.0.2"),
                   .state = PeerState::linked,
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
  CHECK(what_is_missing(has_read(), {{linked}, 1}) ==
        "target myapp@10.42.0.1 is linked; peers not tried yet: 2, the first myapp@10.42.0.3: is asked for");
}

TEST_CASE("a peer counts as not tried while it is queued, probed or dialled, and never failed") {
  for (const auto& [state, untried] :
       {std::pair{PeerState::queued, true}, std::pair{PeerState::probing, true},
        std::pair{PeerState::dialling, true}, std::pair{PeerState::waiting, false},
        std::pair{PeerState::held, false}, std::pair{PeerState::linked, false}}) {
    TargetSnapshot linked = target(TargetSnapshot::State::linked, "");
    linked.peers = {
        {.node = node("myapp@10.42.0.2"), .state = state, .reason = {}, .since = {}, .next_try = {}}};
    const auto text = what_is_missing(has_read(), {{linked}, 1});
    CHECK((text.find("peers not tried yet: 1, the first myapp@10.42.0.2") != std::string::npos) == untried);
  }
}

TEST_CASE("of many targets some are told, and how many more there are") {
  CHECK(what_is_missing(has_read(), {{awaited, awaited}, 7}) ==
        "target myapp@10.42.0.1 is awaited: most likely the cookie differs; "
        "target myapp@10.42.0.1 is awaited: most likely the cookie differs; and 5 more targets");
}

TEST_CASE("nothing known to be missing is told as a round that is not done") {
  CHECK(what_is_missing(has_read(), {}) == "the first round is not done yet");
}
