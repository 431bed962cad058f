// The status of a C-node, read back; and terms that are none.
#include "rancher_cnode/status/report.hpp"

#include <doctest/doctest.h>

#include "reports.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::status;
using namespace rancher_cnode::status::test;
using distribution::TermBytes;
using distribution::TermWriter;

namespace {

std::string refusal(const TermBytes& term) {
  const auto report = Report::read(term);
  REQUIRE_FALSE(report);
  CHECK(report.error().code == ErrorCode::malformed);
  CHECK(report.error().message.find('\n') == std::string::npos);
  CHECK(report.error().message.size() < 400);
  return report.error().message;
}

bool refused_as(const TermBytes& term, const std::string& why) {
  CAPTURE(refusal(term));
  return refusal(term).find("the answer is not a status: " + why) == 0;
}

TermBytes nested(int depth) {
  TermWriter writer;
  for (int i = 0; i < depth; ++i) {
    writer.map(1).atom("metadata");
  }
  return writer.integer(1).take();
}

/// The bytes of the term in which `from` is replaced by a text of the same length.
TermBytes changed(const TermBytes& term, const std::string& from, const std::string& to) {
  REQUIRE(from.size() == to.size());
  std::string text(term.begin(), term.end());
  const auto where = text.find(from);
  REQUIRE(where != std::string::npos);
  text.replace(where, from.size(), to);
  return {text.begin(), text.end()};
}

}  // namespace

TEST_CASE("a report has what the snapshot has") {
  auto snapshot = snapshot_with({waiting_peer("myapp@10.42.0.2")}, 4);
  snapshot.metadata.view.last_failure = "404";
  snapshot.metadata.view.last_failed = at(95'000);
  snapshot.targets[0].departed.push_back({.node = node("myapp@10.42.0.9"),
                                          .state = reconciler::DepartedState::connected,
                                          .reason = "no C-node",
                                          .since = at(60'000)});
  const auto report = report_of(snapshot);
  CHECK(report.node == "remsh-rancher_cnode@10.42.0.1");
  CHECK(report.version == "1.2.3");
  CHECK(report.build == "release-gcc");
  CHECK(report.uptime == Milliseconds(90'000));
  CHECK(report.registration == "registered");
  CHECK(report.own_container == "listed");
  CHECK(report.metadata.url == "http://rancher-metadata");
  CHECK(report.metadata.version == "v1");
  CHECK(report.metadata.last_authoritative == Milliseconds(2'000));
  CHECK(report.metadata.last_failure == "404");
  CHECK(report.metadata.last_failed == Milliseconds(5'000));
  REQUIRE(report.targets.size() == 1);
  CHECK(report.targets[0].node == "myapp@10.42.0.1");
  CHECK(report.targets[0].state == "connected");
  CHECK(report.targets[0].since == Milliseconds(60'000));
  CHECK(report.targets[0].connected == 4);
  REQUIRE(report.peers.size() == 1);
  CHECK(report.peers[0].node == "myapp@10.42.0.2");
  CHECK(report.peers[0].target == "myapp@10.42.0.1");
  CHECK(report.peers[0].state == "waiting");
  CHECK(report.peers[0].dialable);
  CHECK(report.peers[0].reason == "the peer's epmd does not answer");
  CHECK(report.peers[0].since == Milliseconds(3'000));
  CHECK(report.peers[0].attempts == 3);
  CHECK(report.peers[0].next_attempt == Milliseconds(2'000));
  REQUIRE(report.departed.size() == 1);
  CHECK(report.departed[0].node == "myapp@10.42.0.9");
  CHECK(report.departed[0].reason == "no C-node");
}

TEST_CASE("unknown values stay unknown") {
  auto snapshot = snapshot_with({}, 0);
  snapshot.metadata = {};
  snapshot.targets.clear();
  const auto report = report_of(snapshot);
  CHECK(report.metadata.url.empty());
  CHECK_FALSE(report.metadata.last_authoritative);
  CHECK(report.targets.empty());
}

TEST_CASE("a status of an earlier version, which has no build, is read") {
  const auto term = status_term(snapshot_with({}, 0));
  const auto report = Report::read(changed(term, "build", "other"));
  REQUIRE(report);
  CHECK(report->version == "1.2.3");
  CHECK(report->build.empty());
}

TEST_CASE("what is no status is refused with the reason") {
  const auto term = status_term(snapshot_with({waiting_peer("myapp@10.42.0.2")}, 1));
  CHECK(refused_as(TermWriter().atom("ok").take(), "it is not a map: ok"));
  CHECK(refused_as(TermWriter().tuple(2).atom("error").atom("too_large").take(),
                   "it has a term of a kind that no status has: {error,too_large}"));
  CHECK(refused_as(TermWriter().map(0).take(), "node is missing"));
  CHECK(refused_as(TermWriter().map(1).atom("node").integer(1).take(), "node is not as in the schema"));
  CHECK(refused_as(TermWriter().map(1).integer(1).integer(1).take(),
                   "it has a map with a key that is not an atom"));
  CHECK(refused_as(TermWriter().map(2).atom("a").nil().atom("a").nil().take(),
                   "it has a map with a key twice"));
  CHECK(refused_as(TermWriter().list(1).nil().atom("tail").take(), "it has an improper list"));
  CHECK(refused_as(TermWriter().atom("a").atom("b").take(), "something follows it"));
  CHECK(refused_as(nested(9), "it is too deep or too large"));
  CHECK(refused_as(changed(term, "uptime_ms", "up_time_s"), "uptime_ms is missing"));
  CHECK(refused_as(changed(term, "attempts", "ATTEMPTS"), "peers[].attempts is missing"));
}

TEST_CASE("a status that is cut off anywhere is refused") {
  const auto term = status_term(snapshot_with({waiting_peer("myapp@10.42.0.2")}, 1));
  for (std::size_t size = 0; size < term.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(Report::read(std::span(term).first(size)));
  }
}

TEST_CASE("a status with any one byte changed is read or refused, and nothing else happens") {
  auto term = status_term(snapshot_with({waiting_peer("myapp@10.42.0.2")}, 1));
  for (auto& byte : term) {
    for (const char flip : {'\x01', '\x04', '\x7f', '\xff'}) {
      byte = static_cast<char>(byte ^ flip);
      const auto report = Report::read(term);
      CHECK((report || report.error().code == ErrorCode::malformed));
      byte = static_cast<char>(byte ^ flip);
    }
  }
}

TEST_CASE("a term of too many values or keys is refused") {
  TermWriter list;
  list.list(Value::max_values);
  for (std::size_t i = 0; i < Value::max_values; ++i) {
    list.nil();
  }
  CHECK(refused_as(list.nil().take(), "it is too deep or too large"));
  TermWriter map;
  map.map(Value::max_keys + 1);
  for (std::uint32_t i = 0; i <= Value::max_keys; ++i) {
    map.atom("k" + std::to_string(i)).nil();
  }
  CHECK(refused_as(map.take(), "it has a map with too many keys"));
}
