// Which connections are closed when nobody uses them any more.
#include "distribution/node/connection_uses.hpp"

#include <doctest/doctest.h>

#include <future>

#include "nodes.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;

namespace {

using EventTexts = std::vector<std::string>;

constexpr const char* peer_a = "a@127.0.0.1";
constexpr const char* peer_b = "b@127.0.0.1";

/// a has made a connection to b.
struct AToB : TwoNodes {
  AToB() {
    REQUIRE(a.connect(peer_b));
    b.wait_for("up a@127.0.0.1");
  }
};

/// {Operation, From, To} as a whole frame.
std::vector<char> control_frame(std::int64_t operation, const Pid& from, const Pid& to) {
  const auto control = TermWriter().version().tuple(3).integer(operation).pid(from).pid(to).take();
  std::vector<char> frame{0, 0, 0, static_cast<char>(1 + control.size()), 'p'};
  frame.insert(frame.end(), control.begin(), control.end());
  return frame;
}

}  // namespace

TEST_CASE("a peer is unused when its last use ends, whoever began first, and may be used again") {
  EventTexts unused;
  ConnectionUses uses([&](const NodeName& peer) { unused.push_back(peer.str()); });
  auto first = uses.begin(name(peer_a));
  auto second = uses.begin(name(peer_a));
  auto other = uses.begin(name(peer_b));
  first.reset();
  CHECK(unused.empty());
  other.reset();
  CHECK(unused == EventTexts{peer_b});
  second.reset();
  CHECK(unused == EventTexts{peer_b, peer_a});
  auto again = uses.begin(name(peer_a));
  again.reset();
  CHECK(unused == EventTexts{peer_b, peer_a, peer_a});
}

TEST_CASE("a use may outlive the node") {
  ConnectionUse use;
  int unused = 0;
  {
    ConnectionUses uses([&](const NodeName&) { ++unused; });
    use = uses.begin(name(peer_a));
  }
  use.reset();
  CHECK(unused == 0);
}

TEST_CASE("a connection that a node has made is closed when nobody uses it any more, and is none at once") {
  AToB nodes;
  auto first = nodes.a.cnode->use(name(peer_b));
  auto second = nodes.a.cnode->use(name(peer_b));
  first.reset();
  CHECK(nodes.a.cnode->connected(name(peer_b)));
  second.reset();
  CHECK_FALSE(nodes.a.cnode->connected(name(peer_b)));
  CHECK(nodes.a.events == EventTexts{"up b@127.0.0.1"});
  nodes.a.wait_for("down b@127.0.0.1: closed by us");
  nodes.b.wait_for("down a@127.0.0.1: the other side closed the connection");
}

TEST_CASE("whoever connects while a connection is being closed gets a new one") {
  AToB nodes;
  nodes.a.cnode->use(name(peer_b)).reset();
  REQUIRE(nodes.a.connect(peer_b));
  CHECK(nodes.a.events == EventTexts{"up b@127.0.0.1", "down b@127.0.0.1: closed by us", "up b@127.0.0.1"});
  CHECK(printed(*nodes.a.request(peer_b, "net_kernel", is_auth())) == "yes");
}

TEST_CASE("a connection that the other node has made is not closed") {
  AToB nodes;
  nodes.b.cnode->use(name(peer_a)).reset();
  CHECK(nodes.b.cnode->connected(name(peer_a)));
  CHECK(printed(*nodes.a.request(peer_b, "net_kernel", is_auth())) == "yes");
}

TEST_CASE("a connection is not closed while a process of the other node observes one of ours") {
  TwoNodes nodes;
  const RawListener listener;
  nodes.epmd.names["beam"] = listener.port();
  const HandshakeStop stop;
  auto beam = std::async(std::launch::async, [&] {
    return accept_handshake(Identity{name("beam@127.0.0.1"), Cookie("secret"), 7}, listener.accept(),
                            Clock::now() + patience, stop);
  });
  REQUIRE(nodes.a.connect("beam@127.0.0.1"));
  const auto established = beam.get();
  REQUIRE(established);
  const Pid theirs{"beam@127.0.0.1", 9, 0, 7};
  const auto control = [&](std::int64_t operation) {
    constexpr std::int64_t ignored = 99;  // what comes before it has come then
    const auto before = nodes.a.cnode->counters().controls_ignored;
    raw_send(established->socket, control_frame(operation, theirs, nodes.a.cnode->pid()));
    raw_send(established->socket, control_frame(ignored, theirs, nodes.a.cnode->pid()));
    run_until(nodes.loop, "the frame",
              [&] { return nodes.a.cnode->counters().controls_ignored == before + 1; });
  };
  constexpr std::int64_t link = 1;
  constexpr std::int64_t unlink = 4;
  control(link);
  nodes.a.cnode->use(name("beam@127.0.0.1")).reset();
  CHECK(nodes.a.cnode->connected(name("beam@127.0.0.1")));
  control(unlink);
  nodes.a.cnode->use(name("beam@127.0.0.1")).reset();
  CHECK_FALSE(nodes.a.cnode->connected(name("beam@127.0.0.1")));
}
