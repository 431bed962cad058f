// The set of targets.
#include "agent/targets.hpp"

#include <doctest/doctest.h>

#include "driven.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using agent::Targets;

namespace {

constexpr const char* a = "a@127.0.0.1";
constexpr const char* b = "b@127.0.0.1";
constexpr const char* c = "c@127.0.0.1";

struct Driving : Surroundings {
  explicit Driving(TargetScope scope) {
    config.targets = scope;
    targets.emplace(InlineExecutor(loop), node, timers, config,
                    NodeName::of(config.node_basename, distribution::test::loopback), log,
                    [this] { ++changes; });
    targets->start();
  }
  ~Driving() { targets->stop(); }

  void connect(const std::string& target, const Texts& list_of_target) {
    targets->node_up(agent::test::node(target));
    list(target, list_of_target);
  }
  /// Runs what was posted until the current step is over.
  void run_posted() {
    loop.restart();
    loop.poll();
  }
  [[nodiscard]] Texts driven() const {
    Texts names;
    for (const auto& snapshot : targets->snapshots()) {
      names.push_back(snapshot.node.str());
    }
    return names;
  }

  std::optional<Targets> targets;
};

struct DrivingLocal : Driving {
  DrivingLocal() : Driving(TargetScope::local) {}
};
struct DrivingAll : Driving {
  DrivingAll() : Driving(TargetScope::all) {}
  void share_and_connect() {
    targets->share(desired({a, b}));
    node.end_attempt({});
    node.end_attempt({});
    connect(a, {b});
    connect(b, {a});
  }
};

}  // namespace

TEST_CASE("the one target is the BEAM on the own address, whoever else is a member") {
  DrivingLocal driving;
  CHECK(driving.driven() == Texts{own_target});
  driving.targets->share(desired({own_target, a, b}));
  CHECK(driving.driven() == Texts{own_target});
  CHECK(driving.node.attempts == Texts{own_target});
}

TEST_CASE("with all targets each member that may be dialled is driven, and no other") {
  DrivingAll driving;
  CHECK(driving.driven().empty());
  auto wanted = desired({a, b, c});
  wanted->dialable.erase(node(c));
  driving.targets->share(wanted);
  CHECK(driving.driven() == Texts{a, b});
  CHECK(driving.node.attempts == Texts{a, b});
  driving.targets->share(desired({a, b, c}));
  CHECK(driving.node.attempts == Texts{a, b, c});
}

TEST_CASE("a target that may not be dialled for now is still driven") {
  DrivingAll driving;
  driving.targets->share(desired({a, b}));
  auto wanted = desired({a, b});
  wanted->dialable.erase(node(b));
  driving.targets->share(wanted);
  CHECK(driving.driven() == Texts{a, b});
}

TEST_CASE("a target that is no member any more is disconnected from and stopped") {
  DrivingAll driving;
  driving.targets->share(desired({a, b}));
  driving.targets->share(desired({a}));
  CHECK(driving.driven() == Texts{a});
  driving.targets->node_up(node(b));
  CHECK(driving.node.calls.empty());
  const int changes = driving.changes;
  driving.node.end_attempt({});  // to a
  CHECK(driving.node.disconnected.empty());
  driving.node.end_attempt({});  // to b
  CHECK(driving.node.disconnected == Texts{b});
  CHECK(driving.changes == changes);
  CHECK(driving.timers.idle());
}

TEST_CASE("a target that is inspected for another one keeps its connection, which is its own by then") {
  DrivingAll driving;
  driving.share_and_connect();
  driving.timers.advance(Milliseconds(1'000));  // both connections are stable, and both list again
  driving.list(b, {a});
  driving.targets->node_down(node(b), closed);
  driving.list(a, {});
  CHECK(driving.node.attempts == Texts{a, b, b, b});  // as a target, and to be inspected
  driving.node.connected_peers.insert(node(b));
  driving.targets->node_up(node(b));
  driving.node.end_attempt({});
  driving.node.end_attempt({});
  driving.list(b, {});  // the target's own
  driving.list(b, {});  // the inspection's
  CHECK(driving.node.disconnected.empty());
  driving.dial(a, b);
}

TEST_CASE("what was wrong with a target is over once it is no target any more") {
  DrivingAll driving;
  driving.targets->share(desired({a, b}));
  driving.connect(b, {});
  driving.dial(b, a, "false");
  driving.timers.advance(std::chrono::seconds(2));
  driving.targets->node_down(node(b), closed);
  REQUIRE(driving.lines->count("target_lost") == 1);
  driving.targets->share(desired({a}));
  CHECK(driving.lines->of("target_dropped") ==
        Texts{"event=target_dropped msg=\"it is no target any more\" target=b@127.0.0.1"});
  driving.timers.advance(std::chrono::hours(1));
  driving.log.tick();
  CHECK(driving.lines->count("still_degraded") == 0);
}

TEST_CASE("every target gets the members, also one that comes later") {
  DrivingAll driving;
  driving.targets->share(desired({a, b}));
  driving.connect(a, {b});
  driving.targets->share(desired({a, b, c}));
  driving.dial(a, c);
  driving.connect(c, {a});
  driving.dial(c, b);
}

TEST_CASE("the same members once more change nothing") {
  DrivingLocal driving;
  const auto wanted = desired({own_target, a});
  driving.targets->share(wanted);
  const int changes = driving.changes;
  driving.targets->share(wanted);
  CHECK(driving.changes == changes);
}

TEST_CASE("connections and their losses go to the target of that name, and to no other") {
  DrivingAll driving;
  driving.targets->share(desired({a, b}));
  driving.targets->node_up(node(b));
  driving.targets->node_up(node(c));
  CHECK(driving.lines->of("target_connected") ==
        Texts{"event=target_connected target=b@127.0.0.1 took_ms=0"});
  driving.targets->node_down(node(a), closed);
  driving.targets->node_down(node(c), closed);
  CHECK(driving.lines->count("target_lost") == 0);
  driving.targets->node_down(node(b), closed);
  CHECK(driving.lines->count("target_lost") == 1);
}

TEST_CASE("an external change is handed to every target") {
  DrivingAll driving;
  driving.targets->share(desired({a, b}));
  driving.node.fail_attempt("epmd", ErrorCode::not_found, "");
  driving.node.fail_attempt("epmd", ErrorCode::not_found, "");
  driving.targets->on_external_change();
  CHECK(driving.node.attempts == Texts{a, b, a, b});
}

TEST_CASE(
    "the initial sync needs the metadata, and the one target to be connected and to have tried every peer") {
  DrivingLocal driving;
  CHECK_FALSE(driving.targets->has_synced());
  driving.connect(own_target, {});
  CHECK_FALSE(driving.targets->has_synced());
  driving.targets->share(desired({own_target, a}));
  CHECK_FALSE(driving.targets->has_synced());
  CHECK(driving.targets->unsynced().count == 1);
  driving.dial(own_target, a, "false");
  CHECK(driving.targets->has_synced());
  CHECK(driving.targets->unsynced().count == 0);
}

TEST_CASE(
    "an unreachable target prevents the initial sync when it is the only one, and not when there are "
    "several") {
  DrivingLocal local;
  local.targets->share(desired({own_target}));
  local.node.fail_attempt("epmd", ErrorCode::not_found, "not registered");
  CHECK_FALSE(local.targets->has_synced());

  DrivingAll all;
  CHECK_FALSE(all.targets->has_synced());
  all.targets->share(desired({a, b}));
  all.node.fail_attempt("epmd", ErrorCode::not_found, "not registered");
  CHECK_FALSE(all.targets->has_synced());
  const auto unsynced = all.targets->unsynced();
  CHECK(unsynced.count == 1);
  CHECK(unsynced.some.at(0).node.str() == b);
  all.connect(b, {a});
  CHECK(all.targets->has_synced());
}

TEST_CASE("a service without members has synced once the metadata was read") {
  DrivingAll driving;
  driving.targets->share(desired({}));
  CHECK(driving.targets->has_synced());
}

TEST_CASE("three of many unsynced targets are reported, with the number of all") {
  DrivingAll driving;
  driving.targets->share(desired({a, b, c, "d@127.0.0.1", "e@127.0.0.1"}));
  const auto unsynced = driving.targets->unsynced();
  CHECK(unsynced.count == 5);
  CHECK(unsynced.some.size() == 3);
}

TEST_CASE("a departed target is driven while it is connected, and forgotten once it has gone") {
  DrivingAll driving;
  driving.targets->share(desired({a, b}));
  driving.node.end_attempt({});
  driving.node.end_attempt({});
  driving.targets->node_up(node(b));
  driving.targets->share(desired({a}, {b}));
  driving.run_posted();
  CHECK(driving.driven() == Texts{a, b});
  CHECK(driving.targets->unsynced().count == 1);  // a; departed ones do not count

  // Its connection has stabilized, so that an attempt follows at once when it ends.
  driving.timers.advance(Milliseconds(1'000));
  driving.targets->node_down(node(b), closed);
  driving.run_posted();
  CHECK(driving.driven() == Texts{a, b});
  const int changes = driving.changes;
  driving.node.fail_attempt("epmd", ErrorCode::not_found, "not registered");
  CHECK(driving.driven() == Texts{a, b});
  driving.run_posted();
  CHECK(driving.driven() == Texts{a});
  CHECK(driving.changes == changes + 2);
  CHECK(driving.timers.idle());
}

TEST_CASE("a departed peer that was away already is not driven, and not disconnected from others") {
  DrivingAll driving;
  driving.targets->share(desired({a, b}));
  driving.node.end_attempt({});
  driving.node.fail_attempt("epmd", ErrorCode::not_found, "not registered");
  driving.targets->share(desired({a}, {b, c}));
  CHECK(driving.driven() == Texts{a});
}

TEST_CASE("a departed target that is listed again before it was forgotten is still driven") {
  DrivingAll driving;
  driving.targets->share(desired({a, b}));
  driving.node.end_attempt({});
  driving.node.end_attempt({});
  driving.connect(b, {a});
  driving.targets->share(desired({a}, {b}));
  driving.targets->node_down(node(b), closed);
  driving.targets->share(desired({a, b}));
  driving.run_posted();
  CHECK(driving.driven() == Texts{a, b});
}

TEST_CASE("a snapshot of one target has all peers, and one of many has only those that are not connected") {
  DrivingLocal local;
  local.targets->share(desired({own_target, a, b}));
  local.connect(own_target, {a});
  CHECK(local.targets->snapshots().at(0).peers.size() == 2);

  DrivingAll all;
  all.targets->share(desired({a, b}));
  all.connect(a, {});
  all.connect(b, {a});
  const auto snapshots = all.targets->snapshots();
  REQUIRE(snapshots.size() == 2);
  REQUIRE(snapshots[0].peers.size() == 1);
  CHECK(snapshots[0].peers[0].node.str() == b);
  CHECK(snapshots[1].peers.empty());
  CHECK(snapshots[1].connected == 1);
}

TEST_CASE(
    "a departed peer that is still connected is in the snapshot of one target; of many only the target "
    "itself is") {
  DrivingLocal local;
  local.targets->share(desired({own_target, a, b}));
  local.connect(own_target, {a, b});
  local.targets->share(desired({own_target, a}, {b}));
  REQUIRE(local.targets->snapshots().at(0).departed.size() == 1);
  CHECK(local.targets->snapshots().at(0).departed[0].node.str() == b);

  DrivingAll all;
  all.share_and_connect();
  all.targets->share(desired({a}, {b}));
  const auto snapshots = all.targets->snapshots();
  REQUIRE(snapshots.size() == 2);
  CHECK(snapshots[0].departed.empty());
  REQUIRE(snapshots[1].departed.size() == 1);
  CHECK(snapshots[1].departed[0].node.str() == b);
}

TEST_CASE(
    "with all targets one whose departure is suspended is still driven, and one that is forgotten is not") {
  DrivingAll driving;
  driving.share_and_connect();
  auto suspended = desired({a});
  suspended->suspended.insert(node(b));
  driving.targets->share(suspended);
  driving.run_posted();
  CHECK(driving.driven() == Texts{a, b});
  driving.targets->share(desired({a}));
  driving.run_posted();
  CHECK(driving.driven() == Texts{a});
  CHECK(driving.node.disconnected == Texts{b});
}

TEST_CASE("once stopped no target does anything, and none is forgotten") {
  DrivingAll driving;
  driving.targets->share(desired({a, b}));
  driving.node.end_attempt({});
  driving.node.end_attempt({});
  driving.connect(b, {a});
  driving.targets->share(desired({a}, {b}));
  driving.targets->node_down(node(b), closed);  // forgetting b is posted
  driving.targets->stop();
  const int changes = driving.changes;
  const std::size_t calls = driving.node.calls.size();
  driving.run_posted();
  driving.targets->node_up(node(a));
  driving.timers.advance(Milliseconds(60'000));
  CHECK(driving.changes == changes);
  CHECK(driving.node.calls.size() == calls);
  CHECK(driving.node.attempts == Texts{a, b});
}
