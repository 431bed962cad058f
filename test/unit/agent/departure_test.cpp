// Departed peers as a target parts from them: the call that is made, and what its answer comes to.
#include <doctest/doctest.h>

#include "driven.hpp"
#include "target.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using agent::Target;
using membership::LeaverState;

namespace {

constexpr const char* gone = "b@127.0.0.1";

/// A target that is still connected to a departed peer, at the moment at which something is done about it.
struct Parting : Surroundings {
  explicit Parting(std::optional<ModuleFunction> disconnect) {
    config.disconnect = std::move(disconnect);
    target = std::make_shared<Target>(loop, node, timers, config, log, agent::test::node(own_target),
                                      [this] { ++changes; });
    target->start();
    target->desired_changed(desired({own_target}, {gone}));
    target->link_up();
    list(own_target, {gone});
    timers.advance(Milliseconds(500));  // the longest that is waited before the look that decides
    list(own_target, {gone});
  }
  ~Parting() { target->stop(); }

  [[nodiscard]] membership::LeaverView departed() const { return target->snapshot().leavers.at(0); }

  std::shared_ptr<Target> target;
};

const ModuleFunction own_way{"my", "disconnect"};

}  // namespace

TEST_CASE("the function that the user names is called on the target, once, with the departed peer's name") {
  Parting parting(own_way);
  CHECK(parting.departed().state == LeaverState::leaving);
  REQUIRE(parting.node.calls.size() == 1);
  CHECK(parting.node.calls.front().limit == Milliseconds(5'000));
  parting.node.answer("my:disconnect([b@127.0.0.1]) on myapp@127.0.0.1", atom("true"));
  CHECK(parting.lines->of("peer_asked_to_leave") ==
        Texts{"event=peer_asked_to_leave msg=\"my:disconnect\" target=myapp@127.0.0.1 peer=b@127.0.0.1"});
  CHECK(parting.departed().attempts == 1);

  parting.list(own_target, {gone});
  parting.timers.advance(Milliseconds(1'000));
  parting.list(own_target, {gone});
  CHECK(parting.node.calls.empty());
  CHECK(parting.node.attempts.size() == 1);
}

TEST_CASE("a call of the user's function that fails is logged as it fails") {
  Parting parting(own_way);
  parting.node.answer("my:disconnect([b@127.0.0.1]) on myapp@127.0.0.1",
                      failure(ErrorCode::not_found, "undef"));
  CHECK(parting.lines->of("peer_does_not_leave") ==
        Texts{"event=peer_does_not_leave msg=\"undef\" target=myapp@127.0.0.1 peer=b@127.0.0.1"});
  CHECK(parting.target->snapshot().counters.leaves_failed == 1);
}

TEST_CASE("by default the departed peer itself is connected to and asked, and that connection closed again") {
  Parting parting(std::nullopt);
  CHECK(parting.node.attempts == Texts{own_target, gone});
  parting.node.end_attempt({});  // the target's own
  parting.node.end_attempt({});
  parting.node.answer("global:disconnect([]) on b@127.0.0.1", atoms({own_target}));
  CHECK(parting.lines->count("peer_asked_to_leave") == 1);
  CHECK(parting.node.disconnected == Texts{gone});
}

TEST_CASE("a departed peer that cannot be reached is logged as that") {
  Parting parting(std::nullopt);
  parting.node.end_attempt({});
  parting.node.fail_attempt("epmd", ErrorCode::timeout, "its epmd does not answer");
  CHECK(parting.lines->of("peer_does_not_leave") ==
        Texts{"event=peer_does_not_leave msg=\"its epmd does not answer\" target=myapp@127.0.0.1 "
              "peer=b@127.0.0.1"});
  CHECK(parting.departed().reason == "cannot be reached: ticks will end what is left of it");
}

TEST_CASE("an answer that comes once the target was stopped changes nothing") {
  Parting parting(own_way);
  const int changes = parting.changes;
  parting.target->stop();
  parting.node.take_call().done(atom("true"));
  CHECK(parting.changes == changes);
  CHECK(parting.lines->count("peer_asked_to_leave") == 0);
}
