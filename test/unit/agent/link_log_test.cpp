#include "link_log.hpp"

#include <doctest/doctest.h>

#include "log_lines.hpp"

using namespace rancher_cnode;
using agent::LinkLog;
using membership::Desired;
using membership::LeaveOutcome;
using membership::Standing;

namespace {

NodeName node(const char* name) { return *NodeName::parse(name); }

std::shared_ptr<Desired> leaving(const NodeName& leaver) {
  auto desired = std::make_shared<Desired>();
  desired->leavers.insert(leaver);
  return desired;
}

/// A peer that is listed; it may be dialled unless its container is stopped or suspected.
std::shared_ptr<Desired> listing(const NodeName& peer, Standing standing) {
  auto desired = std::make_shared<Desired>();
  desired->members.insert(peer);
  if (standing == Standing::dialable) {
    desired->dialable.insert(peer);
  }
  return desired;
}

struct Logged {
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log{LogLevel::info, LogFormat::text, lines};
  LinkLog links{log, node("myapp@10.42.0.1")};
  NodeName peer = node("myapp@10.42.0.2");
};

}  // namespace

TEST_CASE("a leaver that keeps coming back is told of once") {
  Logged told;
  told.links.desired(leaving(told.peer));
  told.links.asked_to_leave(told.peer, LeaveOutcome::done, "left [a]");
  told.links.asked_to_leave(told.peer, LeaveOutcome::done, "left [a,b]");
  CHECK(told.lines->count("peer_asked_to_leave") == 1);
}

TEST_CASE("a leaver that does not leave is told of once for each reason") {
  Logged told;
  told.links.desired(leaving(told.peer));
  told.links.asked_to_leave(told.peer, LeaveOutcome::unreachable, "no route to host");
  told.links.asked_to_leave(told.peer, LeaveOutcome::unreachable, "no answer");
  CHECK(told.lines->count("peer_does_not_leave") == 1);
  told.links.asked_to_leave(told.peer, LeaveOutcome::failed, "timeout");
  told.links.asked_to_leave(told.peer, LeaveOutcome::failed, "timeout");
  CHECK(told.lines->count("peer_does_not_leave") == 2);
}

TEST_CASE("a peer that is listed again and leaves a second time is told of again") {
  Logged told;
  told.links.desired(leaving(told.peer));
  told.links.asked_to_leave(told.peer, LeaveOutcome::done, "");
  told.links.desired(listing(told.peer, Standing::dialable));
  told.links.desired(leaving(told.peer));
  told.links.asked_to_leave(told.peer, LeaveOutcome::done, "");
  CHECK(told.lines->count("peer_asked_to_leave") == 2);
}

TEST_CASE("a leaver is not told of again because a read withdrew and the next restored it") {
  Logged told;
  told.links.desired(leaving(told.peer));
  told.links.asked_to_leave(told.peer, LeaveOutcome::done, "");
  told.links.desired(std::make_shared<Desired>());
  told.links.desired(leaving(told.peer));
  told.links.asked_to_leave(told.peer, LeaveOutcome::done, "");
  CHECK(told.lines->count("peer_asked_to_leave") == 1);
}

TEST_CASE("of too many leavers the one that was told of first is forgotten") {
  Logged told;
  const auto ask = [&told](const NodeName& leaver) {
    told.links.asked_to_leave(leaver, LeaveOutcome::done, "");
  };
  const NodeName first = node("myapp@10.43.0.1");
  const NodeName second = node("myapp@10.43.0.2");
  ask(first);
  ask(second);
  for (std::size_t i = 2; i <= LinkLog::leaver_limit; ++i) {
    ask(NodeName::of("myapp", Ipv4Address(0x0A2C0000U + static_cast<std::uint32_t>(i))));
  }
  const int before = told.lines->count("peer_asked_to_leave");
  ask(second);
  CHECK(told.lines->count("peer_asked_to_leave") == before);
  ask(first);
  CHECK(told.lines->count("peer_asked_to_leave") == before + 1);
}

TEST_CASE("a failing peer is told of once until the reason changes") {
  Logged told;
  told.links.failed(told.peer, "does not answer");
  told.links.failed(told.peer, "does not answer");
  CHECK(told.lines->count("peer_unreachable") == 1);
  told.links.failed(told.peer, "refuses");
  CHECK(told.lines->count("peer_unreachable") == 2);
}

TEST_CASE("a peer that may be dialled and drops is a loss") {
  Logged told;
  told.links.desired(listing(told.peer, Standing::dialable));
  told.links.listed({told.peer});
  told.links.listed({});
  CHECK(told.lines->count("peer_lost") == 1);
}

TEST_CASE("a peer that may not be dialled and drops is no loss") {
  Logged told;
  told.links.desired(listing(told.peer, Standing::held));
  told.links.listed({told.peer});
  told.links.listed({});
  CHECK(told.lines->count("peer_lost") == 0);
}

TEST_CASE("a failing peer is reported again after the target was away") {
  Logged logged;
  logged.links.failed(logged.peer, "does not answer");
  logged.links.forget();
  logged.links.failed(logged.peer, "does not answer");
  CHECK(logged.lines->count("peer_unreachable") == 2);
}

TEST_CASE("a failing peer is reported again after it was connected, by a dial or by itself") {
  for (const bool by_a_dial : {true, false}) {
    Logged logged;
    logged.links.desired(listing(logged.peer, Standing::dialable));
    logged.links.failed(logged.peer, "does not answer");
    if (by_a_dial) {
      logged.links.linked(logged.peer, Milliseconds(20));
    } else {
      logged.links.listed({logged.peer});
    }
    logged.links.failed(logged.peer, "does not answer");
    CHECK(logged.lines->count("peer_unreachable") == 2);
  }
}

TEST_CASE("a failing peer is reported again after it was held") {
  Logged logged;
  logged.links.desired(listing(logged.peer, Standing::dialable));
  logged.links.failed(logged.peer, "does not answer");
  logged.links.desired(listing(logged.peer, Standing::dialable));
  logged.links.failed(logged.peer, "does not answer");
  CHECK(logged.lines->count("peer_unreachable") == 1);
  logged.links.desired(listing(logged.peer, Standing::held));
  logged.links.desired(listing(logged.peer, Standing::dialable));
  logged.links.failed(logged.peer, "does not answer");
  CHECK(logged.lines->count("peer_unreachable") == 2);
}

TEST_CASE("a connection to a member is reported once, with its time if it was dialled, to others never") {
  Logged logged;
  logged.links.desired(listing(logged.peer, Standing::dialable));
  logged.links.linked(logged.peer, Milliseconds(20));
  logged.links.linked(logged.peer, Milliseconds(20));
  logged.links.listed({logged.peer, node("stranger@10.42.0.9")});
  CHECK(logged.lines->of("peer_linked") ==
        std::vector<std::string>{"event=peer_linked target=myapp@10.42.0.1 peer=myapp@10.42.0.2 took_ms=20"});
  logged.links.forget();
  logged.links.listed({logged.peer});
  logged.links.listed({logged.peer});
  CHECK(logged.lines->of("peer_linked").back() ==
        "event=peer_linked target=myapp@10.42.0.1 peer=myapp@10.42.0.2");
  CHECK(logged.lines->count("peer_linked") == 2);
}

TEST_CASE("a complete cluster is reported once, and again after a loss or a restart of the target") {
  Logged logged;
  auto desired = listing(logged.peer, Standing::dialable);
  desired->members.insert(node("myapp@10.42.0.1"));
  desired->dialable.insert(node("myapp@10.42.0.1"));
  logged.links.desired(desired);
  logged.links.listed({});
  CHECK(logged.lines->count("cluster_complete") == 0);
  logged.links.listed({logged.peer});
  logged.links.listed({logged.peer});
  CHECK(logged.lines->of("cluster_complete") ==
        std::vector<std::string>{"event=cluster_complete msg=\"every peer that may be dialled is linked\" "
                                 "target=myapp@10.42.0.1 peers=1"});
  logged.links.listed({});
  logged.links.listed({logged.peer});
  CHECK(logged.lines->count("cluster_complete") == 2);
  logged.links.forget();
  logged.links.listed({logged.peer});
  CHECK(logged.lines->count("cluster_complete") == 3);
}

TEST_CASE("a cluster without anybody to dial is not complete") {
  Logged logged;
  logged.links.desired(listing(logged.peer, Standing::held));
  logged.links.listed({logged.peer});
  CHECK(logged.lines->count("cluster_complete") == 0);
}

TEST_CASE("what a departed peer was asked is logged as information, and what failed as a warning") {
  for (const auto outcome : {LeaveOutcome::done, LeaveOutcome::unreachable, LeaveOutcome::failed}) {
    Logged logged;
    logged.links.asked_to_leave(logged.peer, outcome, "how");
    const bool done = outcome == LeaveOutcome::done;
    CHECK(logged.lines->all().at(0).find(done ? "info" : "warning") != std::string::npos);
    CHECK(logged.lines->of(done ? "peer_asked_to_leave" : "peer_does_not_leave") ==
          std::vector<std::string>{
              "event=" + std::string(done ? "peer_asked_to_leave" : "peer_does_not_leave") +
              " msg=\"how\" target=myapp@10.42.0.1 peer=myapp@10.42.0.2"});
  }
}
