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
