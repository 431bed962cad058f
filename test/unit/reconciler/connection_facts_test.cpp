// What the reconciler states about the connections of its target, once for each change.
#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "support/unit/driver.hpp"

namespace rancher_cnode::reconciler {
namespace {

using namespace std::chrono_literals;
using membership::OwnMembership;
using samples::desired;
using samples::Driver;
using samples::driving_node_1;
using samples::holding;
using samples::nodes;
using Texts = std::vector<std::string>;

/// Of the container.
std::string number(const NodeName& peer) { return peer.str().substr(peer.str().rfind('.') + 1); }

std::string text(const fact::Connected& fact) {
  const std::string took =
      fact.took ? " in " + std::to_string(std::chrono::duration_cast<Milliseconds>(*fact.took).count()) : "";
  return "connected " + number(fact.peer) + took;
}
std::string text(const fact::Lost& fact) {
  return (fact.dialable ? "lost " : "lost while held ") + number(fact.peer) + ": " + std::string(fact.reason);
}
std::string text(const fact::Forgotten& fact) { return "forgotten " + number(fact.peer); }
std::string text(const fact::AttemptFailed& fact) {
  return (fact.absent ? "absent " : "failed ") + number(fact.peer) + ": " + std::string(fact.reason);
}
std::string text(const fact::Refreshed& fact) { return "refreshed " + number(fact.peer); }
std::string text(const fact::Completed& fact) { return "completed " + std::to_string(fact.peers); }
std::string text(const fact::Departed& fact) { return "departed " + number(fact.peer); }

/// What has been stated since this was called last.
Texts stated(Driver& driver) {
  Texts result;
  for (const ConnectionFact& fact : std::exchange(driver.facts, {})) {
    result.push_back(std::visit([](const auto& what) { return text(what); }, fact));
  }
  return result;
}

/// Nothing is probed: each peer is dialled at once.
ReconcilerSettings without_probes() {
  ReconcilerSettings settings = driving_node_1();
  settings.probe = ProbeMode::off;
  return settings;
}

constexpr const char* no_answer = "absent 2: the peer's epmd does not answer";

/// Peer 2 is probed once more, without success.
void fail_again(Driver& driver, ProbeOutcome outcome = ProbeOutcome::no_answer) {
  while (driver.probes.empty()) {
    driver.pass(100ms);
  }
  driver.answer_probe(outcome);
}

}  // namespace

TEST_CASE(
    "a connection is stated once, whoever made it, with the time if it was dialled, of strangers never") {
  Driver driver(without_probes());
  driver.begin(desired(nodes({1, 2, 3, 4})), {3, 9});
  CHECK(stated(driver) == Texts{"connected 3"});
  driver.now += 20ms;
  driver.answer_dial(DialOutcome::connected);
  CHECK(stated(driver) == Texts{"connected 2 in 20"});
  driver.answer_list({2, 3, 4});
  CHECK(stated(driver) == Texts{"connected 4", "completed 3"});
  driver.answer_dial(DialOutcome::connected);
  CHECK(stated(driver).empty());
}

TEST_CASE("a dialable peer that drops is a loss, and one that is held is lost as expected") {
  Driver driver(driving_node_1());
  driver.begin(holding(nodes({3}), nodes({1, 2})), {2, 3});
  CHECK(stated(driver) == Texts{"connected 2", "connected 3", "completed 2"});
  driver.pass(5s);
  driver.answer_list({});
  CHECK(stated(driver) ==
        Texts{"lost 2: the connection dropped", "lost while held 3: the connection dropped"});
  driver.pass(1s);
  driver.answer_list({});
  CHECK(stated(driver).empty());
}

TEST_CASE("a peer that a list lacks is not lost if the list may be older than the connection") {
  Driver driver(without_probes());
  driver.begin(desired(nodes({1, 2})));
  driver.pass(1s);
  driver.answer_dial(DialOutcome::connected);
  driver.answer_list({});
  CHECK(stated(driver) == Texts{"connected 2 in 1000", "completed 1"});
  driver.answer_list({});
  CHECK(stated(driver) == Texts{"lost 2: the dial succeeded, but the target does not list the connection"});
}

TEST_CASE(
    "a connection that drops as soon as it came up is a loss with that reason, and no failed attempt "
    "besides") {
  Driver driver(without_probes());
  driver.begin(desired(nodes({1, 2, 3})));
  driver.answer_dial(DialOutcome::connected);
  driver.answer_list({2});
  stated(driver);
  driver.answer_dial(DialOutcome::connected);
  driver.answer_list({3});
  CHECK(stated(driver) == Texts{"connected 3 in 0", "lost 2: the connection dropped as soon as it came up"});
}

TEST_CASE("a failing peer is stated once until the reason changes") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2})));
  fail_again(driver);
  fail_again(driver);
  CHECK(stated(driver) == Texts{no_answer});
  fail_again(driver, ProbeOutcome::refused);
  CHECK(stated(driver) == Texts{"absent 2: the peer's epmd refuses the connection"});
}

TEST_CASE(
    "a failing peer is stated again after it was connected, after it was held, or after a restart of the "
    "target") {
  const struct {
    const char* what;
    void (*happens)(Driver&);
  } rows[] = {{"connected",
               [](Driver& driver) {
                 driver.pass(1s);
                 driver.answer_list({2});
                 driver.pass(5s);
                 driver.answer_list({});
               }},
              {"held",
               [](Driver& driver) {
                 driver.step(event::DesiredChanged{holding(nodes({2}), nodes({1}))});
                 driver.step(event::DesiredChanged{desired(nodes({1, 2}))});
               }},
              {"restarted", [](Driver& driver) {
                 driver.step(event::TargetDown{});
                 driver.step(event::TargetUp{});
                 driver.answer_list({});
               }}};
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Driver driver(driving_node_1());
    driver.begin(desired(nodes({1, 2})));
    fail_again(driver);
    row.happens(driver);
    stated(driver);
    fail_again(driver);
    CHECK(stated(driver) == Texts{no_answer});
  }
}

TEST_CASE("an attempt that fails once its peer is held is not stated") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2})));
  driver.step(event::DesiredChanged{holding(nodes({2}), nodes({1}))});
  driver.answer_probe(ProbeOutcome::no_answer);
  CHECK(stated(driver).empty());
}

TEST_CASE("a loss is no failed attempt, also once the next probe has found the peer") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2})), {2});
  driver.pass(5s);
  driver.answer_list({});
  stated(driver);
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.dials.size() == 1);
  CHECK(stated(driver).empty());
}

TEST_CASE("a peer that waits for its first list or for our own container has not failed") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2})));
  driver.step(event::DesiredChanged{desired(nodes({1, 2}), {}, OwnMembership::missing)});
  driver.answer_probe(ProbeOutcome::found);
  CHECK(driver.dials.empty());
  CHECK(stated(driver).empty());
}

TEST_CASE("connected peers are forgotten when the target goes, or when they are members no longer") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2, 3})), {2, 3});
  stated(driver);
  driver.step(event::DesiredChanged{desired(nodes({1, 3}))});
  CHECK(stated(driver) == Texts{"forgotten 2"});
  driver.step(event::TargetDown{});
  CHECK(stated(driver) == Texts{"forgotten 3"});
  driver.step(event::TargetUp{});
  CHECK(stated(driver).empty());
}

TEST_CASE("a complete cluster is stated once, and again after a loss or a restart of the target") {
  Driver driver(driving_node_1());
  driver.begin(desired(nodes({1, 2})), {2});
  driver.pass(1s);
  driver.answer_list({2});
  CHECK(stated(driver) == Texts{"connected 2", "completed 1"});
  driver.pass(5s);
  driver.answer_list({});
  driver.pass(1s);
  driver.answer_list({2});
  CHECK(stated(driver) == Texts{"lost 2: the connection dropped", "connected 2", "completed 1"});
  driver.step(event::TargetDown{});
  driver.step(event::TargetUp{});
  driver.answer_list({2});
  CHECK(stated(driver) == Texts{"forgotten 2", "connected 2", "completed 1"});
}

TEST_CASE("a cluster without anybody to dial is not complete") {
  Driver driver(driving_node_1());
  driver.begin(holding(nodes({2})), {2});
  CHECK(stated(driver) == Texts{"connected 2"});
}

TEST_CASE("a peer that was refreshed by its inspection is stated") {
  Driver driver(driving_node_1());
  driver.answers_inspections = false;
  driver.begin(desired(nodes({1, 2})), {2});
  driver.pass(5s);
  driver.answer_list({});
  driver.answer_probe(ProbeOutcome::found);
  stated(driver);
  driver.answer_inspection(InspectOutcome::refreshed);
  CHECK(stated(driver) == Texts{"refreshed 2"});
}

TEST_CASE("without epmd the reasons are those of the distribution port") {
  const struct {
    ProbeOutcome probe;
    const char* stated;
  } rows[] = {
      {ProbeOutcome::no_answer, "absent 2: the peer's distribution port does not answer"},
      {ProbeOutcome::refused, "absent 2: nobody listens on the peer's distribution port"},
      {ProbeOutcome::found,
       "failed 2: it listens, but the dial failed: another cookie, -name, -proto_dist, certificate or OTP "
       "release, or its BEAM does not use this port"}};
  for (const auto& row : rows) {
    CAPTURE(row.stated);
    ReconcilerSettings settings = driving_node_1();
    settings.probe = ProbeMode::port;
    Driver driver(settings);
    driver.begin(desired(nodes({2})));
    CHECK(driver.dials.empty());
    driver.answer_probe(row.probe);
    if (row.probe == ProbeOutcome::found) {
      driver.answer_dial(DialOutcome::refused);
    }
    CHECK(stated(driver) == Texts{row.stated});
  }
}

}  // namespace rancher_cnode::reconciler
