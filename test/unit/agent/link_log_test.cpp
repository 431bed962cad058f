#include "agent/link_log.hpp"

#include <doctest/doctest.h>

#include "support/unit/log_lines.hpp"

using namespace rancher_cnode;
using agent::LinkLog;
using membership::Departure;
using membership::Desired;
using membership::DisconnectOutcome;
using membership::MemberState;

namespace {

NodeName node(const char* name) { return *NodeName::parse(name); }

/// A peer that is listed; it may be dialled unless its container is stopped or suspected.
std::shared_ptr<Desired> listing(const NodeName& peer, MemberState state) {
  auto desired = std::make_shared<Desired>();
  desired->members.insert(peer);
  if (state == MemberState::dialable) {
    desired->dialable.insert(peer);
  }
  return desired;
}

/// Whoever a list lacks is not connected.
const auto unconnected = [](const NodeName&) { return false; };

struct Logged {
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log{LogLevel::info, LogFormat::text, lines};
  LinkLog log_of_target{log, node("myapp@10.42.0.1")};
  NodeName peer = node("myapp@10.42.0.2");
};

}  // namespace

TEST_CASE("a failing peer is logged once until the reason changes") {
  Logged logged;
  logged.log_of_target.failed(logged.peer, "does not answer");
  logged.log_of_target.failed(logged.peer, "does not answer");
  CHECK(logged.lines->count("peer_unreachable") == 1);
  logged.log_of_target.failed(logged.peer, "refuses");
  CHECK(logged.lines->count("peer_unreachable") == 2);
}

TEST_CASE("a peer that may be dialled and drops is a loss") {
  Logged logged;
  logged.log_of_target.desired(listing(logged.peer, MemberState::dialable));
  logged.log_of_target.listed({logged.peer}, unconnected);
  logged.log_of_target.listed({logged.peer}, unconnected);
  CHECK(logged.lines->count("peer_lost") == 0);
  logged.log_of_target.listed({}, unconnected);
  CHECK(logged.lines->count("peer_lost") == 1);
}

TEST_CASE("a peer that may not be dialled and drops is no loss") {
  Logged logged;
  logged.log_of_target.desired(listing(logged.peer, MemberState::held));
  logged.log_of_target.listed({logged.peer}, unconnected);
  logged.log_of_target.listed({}, unconnected);
  CHECK(logged.lines->count("peer_lost") == 0);
}

TEST_CASE("a failing peer is reported again after the target was away") {
  Logged logged;
  logged.log_of_target.failed(logged.peer, "does not answer");
  logged.log_of_target.forget();
  logged.log_of_target.failed(logged.peer, "does not answer");
  CHECK(logged.lines->count("peer_unreachable") == 2);
}

TEST_CASE("a failing peer is reported again after it was connected, by a dial or by itself") {
  for (const bool by_a_dial : {true, false}) {
    Logged logged;
    logged.log_of_target.desired(listing(logged.peer, MemberState::dialable));
    logged.log_of_target.failed(logged.peer, "does not answer");
    if (by_a_dial) {
      logged.log_of_target.linked(logged.peer, Milliseconds(20));
    } else {
      logged.log_of_target.listed({logged.peer}, unconnected);
    }
    logged.log_of_target.failed(logged.peer, "does not answer");
    CHECK(logged.lines->count("peer_unreachable") == 2);
  }
}

TEST_CASE("a failing peer is reported again after it was held") {
  Logged logged;
  logged.log_of_target.desired(listing(logged.peer, MemberState::dialable));
  logged.log_of_target.failed(logged.peer, "does not answer");
  logged.log_of_target.desired(listing(logged.peer, MemberState::dialable));
  logged.log_of_target.failed(logged.peer, "does not answer");
  CHECK(logged.lines->count("peer_unreachable") == 1);
  logged.log_of_target.desired(listing(logged.peer, MemberState::held));
  logged.log_of_target.desired(listing(logged.peer, MemberState::dialable));
  logged.log_of_target.failed(logged.peer, "does not answer");
  CHECK(logged.lines->count("peer_unreachable") == 2);
}

TEST_CASE("a connection to a member is reported once, with its time if it was dialled, to others never") {
  Logged logged;
  logged.log_of_target.desired(listing(logged.peer, MemberState::dialable));
  logged.log_of_target.linked(logged.peer, Milliseconds(20));
  logged.log_of_target.linked(logged.peer, Milliseconds(20));
  logged.log_of_target.listed({logged.peer, node("unknown@10.42.0.9")}, unconnected);
  CHECK(logged.lines->of("peer_connected") ==
        std::vector<std::string>{
            "event=peer_connected target=myapp@10.42.0.1 peer=myapp@10.42.0.2 took_ms=20"});
  logged.log_of_target.forget();
  logged.log_of_target.listed({logged.peer}, unconnected);
  logged.log_of_target.listed({logged.peer}, unconnected);
  CHECK(logged.lines->of("peer_connected").back() ==
        "event=peer_connected target=myapp@10.42.0.1 peer=myapp@10.42.0.2");
  CHECK(logged.lines->count("peer_connected") == 2);
}

TEST_CASE("a complete cluster is reported once, and again after a loss or a restart of the target") {
  Logged logged;
  auto desired = listing(logged.peer, MemberState::dialable);
  desired->members.insert(node("myapp@10.42.0.1"));
  desired->dialable.insert(node("myapp@10.42.0.1"));
  logged.log_of_target.desired(desired);
  logged.log_of_target.listed({}, unconnected);
  CHECK(logged.lines->count("cluster_completed") == 0);
  logged.log_of_target.listed({logged.peer}, unconnected);
  logged.log_of_target.listed({logged.peer}, unconnected);
  CHECK(logged.lines->of("cluster_completed") ==
        std::vector<std::string>{"event=cluster_completed msg=\"every peer that may be dialled is linked\" "
                                 "target=myapp@10.42.0.1 peers=1"});
  logged.log_of_target.listed({}, unconnected);
  logged.log_of_target.listed({logged.peer}, unconnected);
  CHECK(logged.lines->count("cluster_completed") == 2);
  logged.log_of_target.forget();
  logged.log_of_target.listed({logged.peer}, unconnected);
  CHECK(logged.lines->count("cluster_completed") == 3);
}

TEST_CASE("a cluster without anybody to dial is not complete") {
  Logged logged;
  logged.log_of_target.desired(listing(logged.peer, MemberState::held));
  logged.log_of_target.listed({logged.peer}, unconnected);
  CHECK(logged.lines->count("cluster_completed") == 0);
}

TEST_CASE(
    "what came of a disconnect is logged as information if it was made, else as a warning, and not if "
    "withdrawn") {
  const struct {
    DisconnectOutcome outcome;
    const char* level;
    std::string line;
  } rows[] = {{DisconnectOutcome::done, "info", "done"},
              {DisconnectOutcome::claimed, "warning", "claimed"},
              {DisconnectOutcome::unreachable, "warning", "unreachable"},
              {DisconnectOutcome::unsupported, "warning", "unsupported"},
              {DisconnectOutcome::failed, "warning", "failed"}};
  for (const auto& row : rows) {
    Logged logged;
    logged.log_of_target.disconnect_requested(logged.peer, row.outcome, "how");
    CHECK(logged.lines->all().at(0).find(row.level) != std::string::npos);
    CHECK(logged.lines->of("disconnect_requested") ==
          std::vector<std::string>{
              "event=disconnect_requested msg=\"how\" target=myapp@10.42.0.1 peer=myapp@10.42.0.2 outcome=" +
              row.line});
  }
  Logged logged;
  logged.log_of_target.disconnect_requested(logged.peer, DisconnectOutcome::withdrawn, "");
  CHECK(logged.lines->all().empty());
}

TEST_CASE(
    "what became of a departed peer, and of a departed target, is logged with the reason if it is "
    "connected") {
  const NodeName target = node("myapp@10.42.0.1");
  Logged logged;
  logged.log_of_target.departed({logged.peer, Departure::disconnected, {}});
  logged.log_of_target.departed({logged.peer, Departure::still_connected, "nobody confirms it"});
  logged.log_of_target.departed({target, Departure::disconnected, {}});
  logged.log_of_target.departed({target, Departure::still_connected, "by itself"});
  const auto lines = logged.lines->all();
  REQUIRE(lines.size() == 4);
  const struct {
    const char* level;
    const char* event;
    const char* fields;
  } rows[] = {{"info", "departed_peer_disconnected", "target=myapp@10.42.0.1 peer=myapp@10.42.0.2"},
              {"warning", "departed_peer_connected", "peer=myapp@10.42.0.2 reason=\"nobody confirms it\""},
              {"info", "departed_target_disconnected", "target=myapp@10.42.0.1"},
              {"warning", "departed_target_connected", "target=myapp@10.42.0.1 reason=\"by itself\""}};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(lines[i]);
    CHECK(lines[i].find(rows[i].level) != std::string::npos);
    CHECK(lines[i].find(std::string("event=") + rows[i].event + " ") != std::string::npos);
    CHECK(lines[i].find(rows[i].fields) != std::string::npos);
  }
}

TEST_CASE("a peer that gave up old connections is logged") {
  Logged logged;
  logged.log_of_target.refreshed(logged.peer);
  CHECK(logged.lines->count("peer_refreshed") == 1);
}

TEST_CASE(
    "a peer that a list lacks is not lost while it is connected: the list is older than the connection") {
  Logged logged;
  logged.log_of_target.desired(listing(logged.peer, MemberState::dialable));
  logged.log_of_target.linked(logged.peer, Milliseconds(1));
  logged.log_of_target.listed({}, [](const NodeName&) { return true; });
  CHECK(logged.lines->count("peer_lost") == 0);
  logged.log_of_target.listed({logged.peer}, unconnected);
  CHECK(logged.lines->count("peer_connected") == 1);
  logged.log_of_target.listed({}, unconnected);
  CHECK(logged.lines->count("peer_lost") == 1);
}
