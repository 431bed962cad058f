// Which connections a node makes, takes in, refuses and replaces.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <algorithm>
#include <future>

#include "nodes.hpp"
#include "rancher_cnode/distribution/cnode.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

TEST_CASE("a failed connection reports the stage and the reason") {
  TwoNodes nodes([](CNode::Settings& settings) { settings.cookie = Cookie("another"); });
  nodes.epmd.names["dead"] = 1;
  const struct {
    const char* peer;
    const char* stage;
    const char* message;
  } rows[] = {
      {"nobody@127.0.0.1", "epmd", "its epmd does not know the name nobody, only b, dead"},
      {"dead@127.0.0.1", "connect", "connection refused"},
      {"b@127.0.0.1", "challenge_ack",
       "the peer closed the connection after our challenge reply: most likely the cookies differ"},
      {"b@host.example", "name", "the host of b@host.example"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.peer);
    const auto result = nodes.a.connect(row.peer);
    REQUIRE_FALSE(result);
    CHECK(result.error().stage == row.stage);
    CHECK(result.error().error.message.starts_with(row.message));
  }
  CHECK(nodes.a.cnode->counters().handshakes_failed == 2);
  run_until(nodes.loop, "b's own view", [&] { return !nodes.b.lines->all.empty(); });
  CHECK(nodes.b.lines->all[0].starts_with("warning event=inbound_handshake_failed"));
}

TEST_CASE("a node is looked up without connecting to it") {
  TwoNodes nodes;
  const auto look_up = [&](const char* peer) {
    std::optional<Expected<std::uint16_t>> result;
    nodes.a.cnode->look_up(name(peer), [&](const auto& port) { result = port; });
    run_until(nodes.loop, "the port", [&] { return result.has_value(); });
    return *result;
  };
  CHECK(look_up("b@127.0.0.1").value() == nodes.b.cnode->listen_port());
  CHECK(look_up("nobody@127.0.0.1").error().code == ErrorCode::not_found);
  CHECK_FALSE(look_up("b@host.example").has_value());
  CHECK(nodes.b.lines->all.empty());
  CHECK(nodes.a.cnode->connection_count() == 0);
}

TEST_CASE("a new cookie is used for new connections in both directions") {
  TwoNodes nodes([](CNode::Settings& settings) { settings.cookie = Cookie("another"); });
  CHECK_FALSE(nodes.a.connect("b@127.0.0.1"));
  nodes.a.cnode->set_cookie(Cookie("another"));
  CHECK(nodes.a.connect("b@127.0.0.1"));
  nodes.a.cnode->disconnect(name("b@127.0.0.1"));
  run_until(nodes.loop, "no connection",
            [&] { return nodes.a.cnode->connection_count() + nodes.b.cnode->connection_count() == 0; });
  CHECK(nodes.b.connect("a@127.0.0.1"));
}

TEST_CASE("two nodes that connect to each other at the same moment both get an answer") {
  for (int round = 0; round < 10; ++round) {
    TwoNodes nodes;
    int done = 0;
    nodes.a.cnode->connect(name("b@127.0.0.1"), [&](const auto& result) { done += result ? 1 : 0; });
    nodes.b.cnode->connect(name("a@127.0.0.1"), [&](const auto& result) { done += result ? 1 : 0; });
    run_until(nodes.loop, "both", [&] { return done == 2; });
    CHECK(nodes.a.cnode->connection_count() <= 1);
    CHECK(nodes.b.cnode->connection_count() <= 1);
  }
}

TEST_CASE("a new connection to the same node replaces the old one") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  // A second node of that name, as after a restart that b has not noticed.
  nodes.epmd.names.erase("a");
  Node again(nodes.loop, nodes.epmd, "a@127.0.0.1");
  REQUIRE(again.connect("b@127.0.0.1"));
  nodes.b.wait_for("down a@127.0.0.1: replaced by a new connection");
  nodes.a.wait_for("down b@127.0.0.1: the other side closed the connection");
  CHECK(nodes.b.events == std::vector<std::string>{"up a@127.0.0.1",
                                                   "down a@127.0.0.1: replaced by a new connection",
                                                   "up a@127.0.0.1"});
  CHECK(nodes.b.cnode->connection_count() == 1);
  CHECK(printed(*again.request("b@127.0.0.1", "net_kernel", is_auth())) == "yes");
}

TEST_CASE(
    "a handler that reconnects when its connection is replaced gets the new one, without another handshake") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  std::optional<bool> connected;
  nodes.b.on_event = [&] {
    if (!nodes.b.events.back().starts_with("down")) {
      return;
    }
    nodes.b.cnode->connect(name("a@127.0.0.1"), [&](const auto& result) { connected = result.has_value(); });
  };
  nodes.epmd.names.erase("a");
  Node again(nodes.loop, nodes.epmd, "a@127.0.0.1");
  REQUIRE(again.connect("b@127.0.0.1"));
  run_until(nodes.loop, "the answer", [&] { return connected.has_value(); });
  CHECK(*connected);
  CHECK(nodes.b.cnode->counters().handshakes_failed == 0);
}

TEST_CASE("a lack of descriptors is logged each time it begins") {
  TwoNodes nodes;
  // Among others: the inbound connections below fail as well in the end.
  const auto logged = [&] {
    return std::ranges::count_if(nodes.b.lines->all, [](const std::string& line) {
      return line.starts_with("warning event=inbound_accept_failed");
    });
  };
  for (const int times : {1, 2}) {
    const auto other = raw_connect(nodes.b.cnode->listen_port());
    {
      const NoDescriptors none;
      const auto deadline = Clock::now() + patience;
      while (logged() < times && Clock::now() < deadline) {
        nodes.loop.restart();
        nodes.loop.run_one_for(Milliseconds(10));
      }
    }
    CHECK(logged() == times);
    // Accepted by now, as is the inbound connection before it.
    REQUIRE(nodes.a.connect("b@127.0.0.1"));
    nodes.a.cnode->disconnect(name("b@127.0.0.1"));
    nodes.b.wait_for("down a@127.0.0.1: the other side closed the connection");
    nodes.b.events.clear();
  }
}

TEST_CASE("a node with our own name is refused") {
  TwoNodes nodes;
  nodes.epmd.names.erase("a");
  Node same(nodes.loop, nodes.epmd, "b@127.0.0.1");
  // Its epmd returns the port of the other.
  static_cast<void>(same.connect("b@127.0.0.1"));
  run_until(nodes.loop, "the refusal", [&] { return nodes.b.cnode->counters().inbound_refused == 1; });
  CHECK(nodes.b.cnode->connection_count() == 0);
  CHECK(nodes.b.lines->all.back().ends_with("stage=complete reason=\"it uses the name of this node\""));
}

TEST_CASE("a node with an invalid name is refused") {
  TwoNodes nodes;
  // A relay that spoils the name of another node on its way to b; nothing that follows depends on the name.
  const HandshakeStop stop;
  const RawListener front;
  auto odd = std::async(std::launch::async, [&] {
    return connect_handshake(Identity{name("c@127.0.0.1"), Cookie("secret"), 7}, name("b@127.0.0.1"),
                             loopback, front.port(), Clock::now() + patience, stop);
  });
  const auto near = front.accept();
  const auto far = raw_connect(nodes.b.cnode->listen_port());
  auto said = raw_receive(near, 2 + 15 + 11);
  said[said.find('@', 2 + 15)] = '#';
  raw_send(far, said);
  const auto relayed = std::async(std::launch::async, [&] {
    raw_send(near, raw_receive(far, 5 + 2 + 19 + 11));
    raw_send(far, raw_receive(near, 2 + 21));
    raw_send(near, raw_receive(far, 2 + 17));
  });
  run_until(nodes.loop, "the refusal", [&] { return nodes.b.cnode->counters().inbound_refused == 1; });
  CHECK(nodes.b.cnode->connection_count() == 0);
  CHECK(nodes.b.lines->all.back().find("invalid node name") != std::string::npos);
}

TEST_CASE("an inbound connection above the limit of its address is refused and logged") {
  TwoNodes nodes;
  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 129; ++i) {
    silent.push_back(raw_connect(nodes.b.cnode->listen_port(), other_loopback));
  }
  run_until(nodes.loop, "the refusal", [&] { return nodes.b.cnode->counters().inbound_refused == 1; });
  CHECK(nodes.b.lines->all.back().ends_with(
      "from=127.0.0.2 stage=connect reason=\"too many unfinished handshakes\""));
}

TEST_CASE("a source that fails again and again writes a handful of lines") {
  TwoNodes nodes;
  Node other(nodes.loop, nodes.epmd, "c@127.0.0.1",
             [](CNode::Settings& settings) { settings.cookie = Cookie("another"); });
  for (int i = 0; i < 8; ++i) {
    const auto failed = nodes.b.cnode->counters().handshakes_failed;
    CHECK_FALSE(other.connect("b@127.0.0.1"));
    run_until(nodes.loop, "b's own view",
              [&] { return nodes.b.cnode->counters().handshakes_failed == failed + 1; });
  }
  CHECK(nodes.b.lines->all.size() == 4);
}

TEST_CASE("no more connections than the limit are accepted, but a known node may reconnect") {
  TwoNodes nodes([](CNode::Settings& settings) { settings.max_connections = 2; });
  Node second(nodes.loop, nodes.epmd, "second@127.0.0.1");
  Node third(nodes.loop, nodes.epmd, "third@127.0.0.1");
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  REQUIRE(second.connect("b@127.0.0.1"));
  nodes.b.wait_for("up second@127.0.0.1");
  static_cast<void>(third.connect("b@127.0.0.1"));
  run_until(nodes.loop, "the refusal", [&] { return nodes.b.cnode->counters().inbound_refused == 1; });
  CHECK(nodes.b.cnode->connection_count() == 2);
  Node again(nodes.loop, nodes.epmd, "second@127.0.0.1");
  REQUIRE(again.connect("b@127.0.0.1"));
  nodes.b.wait_for("down second@127.0.0.1: replaced by a new connection");
  CHECK(nodes.b.cnode->connection_count() == 2);
}

TEST_CASE("outbound connections do not count towards the limit") {
  TwoNodes nodes([](CNode::Settings& settings) { settings.max_connections = 1; });
  Node second(nodes.loop, nodes.epmd, "second@127.0.0.1");
  second.start();
  REQUIRE(nodes.b.connect("second@127.0.0.1"));
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  Node third(nodes.loop, nodes.epmd, "third@127.0.0.1");
  static_cast<void>(third.connect("b@127.0.0.1"));
  run_until(nodes.loop, "the refusal", [&] { return nodes.b.cnode->counters().inbound_refused == 1; });
  CHECK(nodes.b.cnode->connection_count() == 2);
}

TEST_CASE("a connection that closed before it was accepted replaces no other") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  // A relay between another handshake of a's and b, which closes as soon as the handshake is complete.
  const HandshakeStop stop;
  const RawListener front;
  auto second = std::async(std::launch::async, [&] {
    return connect_handshake(Identity{name("a@127.0.0.1"), Cookie("secret"), 7}, name("b@127.0.0.1"),
                             loopback, front.port(), Clock::now() + patience, stop);
  });
  const auto near = front.accept();
  const auto far = raw_connect(nodes.b.cnode->listen_port());
  raw_send(far, raw_receive(near, 2 + 15 + 11));
  run_until(nodes.loop, "the challenge", [&] {
    char byte = 0;
    return ::recv(far.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
  });
  raw_send(near, raw_receive(far, 5 + 2 + 19 + 11));
  raw_send(far, raw_receive(near, 2 + 21));
  ::shutdown(far.get(), SHUT_WR);
  raw_send(near, raw_receive(far, 2 + 17));
  CHECK(second.get());
  run_until(nodes.loop, "b's decision", [&] {
    return nodes.b.cnode->counters().handshakes_failed + nodes.b.cnode->counters().connections_accepted == 2;
  });
  CHECK(nodes.b.events == std::vector<std::string>{"up a@127.0.0.1"});
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "net_kernel", is_auth())) == "yes");
}

TEST_CASE("silent inbound connections keep no node out") {
  TwoNodes nodes([](CNode::Settings& settings) { settings.max_connections = 2; });
  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(raw_connect(nodes.b.cnode->listen_port(), other_loopback));
  }
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "net_kernel", is_auth())) == "yes");
}
