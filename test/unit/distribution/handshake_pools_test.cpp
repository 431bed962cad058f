#include "distribution/handshake/handshake_pools.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <optional>

#include "distribution/node/listener.hpp"
#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

NodeName name(const std::string& text) { return *NodeName::parse(text); }

/// The pools of one node, and what came out of them.
struct Pools {
  explicit Pools(const char* node, Milliseconds limit = patience)
      : pools(std::make_unique<HandshakePools>(loop, Identity{name(node), Cookie("secret"), 1001}, limit,
                                               HandshakeThreads{})) {
    initialise_handshakes();
  }

  /// An inbound connection, as the listener hands it over. Its client side is kept open.
  bool silent_client(Ipv4Address source, std::vector<HandshakeResult>& ends) {
    auto [client, accepted] = local_pair();
    make_non_blocking(accepted);
    clients.push_back(std::move(client));
    return pools->accept(std::move(accepted), source,
                         [&ends](HandshakeResult end) { ends.push_back(std::move(end)); });
  }

  /// Hands those who connect to us to the pools.
  std::shared_ptr<Listener> listening(int& taken) {
    auto listener = std::make_shared<Listener>(
        loop, Listener::Handlers{[this, &taken](FileDescriptor socket, Ipv4Address source) {
                                   REQUIRE(pools->accept(std::move(socket), source,
                                                         [&taken](const HandshakeResult& link) {
                                                           CHECK(link);
                                                           ++taken;
                                                         }));
                                 },
                                 [](const std::string& reason) { FAIL(reason); }});
    REQUIRE(listener->open(loopback, {}));
    return listener;
  }

  asio::io_context loop;
  std::vector<FileDescriptor> clients;
  std::unique_ptr<HandshakePools> pools;
};

}  // namespace

TEST_CASE("a hundred nodes are accepted at once") {
  Pools node("node@127.0.0.1");
  int taken = 0;
  const auto listener = node.listening(taken);
  int made = 0;
  for (int i = 0; i < 100; ++i) {
    node.pools->connect(name("node@127.0.0.1"), loopback, listener->port(),
                        [&made](const HandshakeResult& link) {
                          CHECK(link);
                          ++made;
                        });
  }
  run_until(node.loop, "a hundred connections at both ends", [&] { return made == 100 && taken == 100; });
  listener->close();
  run_for(node.loop, Milliseconds(1));
}

TEST_CASE("a hundred silent inbound connections from one address delay only their own") {
  Pools server("server@127.0.0.1", Milliseconds(3'000));
  std::vector<HandshakeResult> silent;
  for (int i = 0; i < 100; ++i) {
    REQUIRE(server.silent_client(loopback, silent));
  }

  Pools client("client@127.0.0.1");
  const RawListener listener;
  std::optional<HandshakeResult> made;
  std::optional<HandshakeResult> taken;
  client.pools->connect(name("server@127.0.0.1"), loopback, listener.port(),
                        [&made](HandshakeResult link) { made = std::move(link); });
  auto socket = listener.accept();
  make_non_blocking(socket);
  REQUIRE(server.pools->accept(std::move(socket), other_loopback,
                               [&taken](HandshakeResult link) { taken = std::move(link); }));
  run_until(server.loop, "the honest node", [&] { return taken.has_value(); });
  CHECK(taken->has_value());
  CHECK(silent.empty());

  // In time only if all wait at once: their deadlines begin when they come, not when a thread takes them up.
  run_until(server.loop, "the silent ones' end", [&] { return silent.size() == 100; });
  for (const auto& end : silent) {
    CHECK(end.error().stage == HandshakeStage::name);
    CHECK(end.error().error == Error{ErrorCode::timeout, "no answer in time at stage name"});
  }
}

TEST_CASE("silent inbound connections from many addresses hold no thread") {
  Pools server("server@127.0.0.1");
  std::vector<HandshakeResult> silent;
  for (std::uint32_t source = 0; source < HandshakeThreads{}.incoming; ++source) {
    for (int i = 0; i < 2; ++i) {
      REQUIRE(server.silent_client(Ipv4Address(0x0a2a0000 + source), silent));
    }
  }
  int taken = 0;
  const auto listener = server.listening(taken);
  bool made = false;
  server.pools->connect(name("server@127.0.0.1"), loopback, listener->port(),
                        [&made](const HandshakeResult& link) {
                          CHECK(link);
                          made = true;
                        });
  run_until(server.loop, "the honest node", [&] { return made && taken == 1; });
  CHECK(silent.empty());
  listener->close();
  run_for(server.loop, Milliseconds(1));
}

TEST_CASE("an inbound connection that stalls after its first byte times out, one that closes fails at once") {
  Pools server("server@127.0.0.1", Milliseconds(500));
  std::vector<HandshakeResult> ends;
  REQUIRE(server.silent_client(loopback, ends));
  raw_send(server.clients.back(), std::string(1, '\0'));
  REQUIRE(server.silent_client(loopback, ends));
  server.clients.back().reset();
  run_until(server.loop, "both ends", [&] { return ends.size() == 2; });
  CHECK(ends[0].error().error.code == ErrorCode::refused);
  CHECK(ends[1].error().error.code == ErrorCode::timeout);
}

TEST_CASE("silent peers take nothing from the time of the next, whose deadline begins with its turn") {
  Pools node("node@127.0.0.1", Milliseconds(1'000));
  const RawListener nobody;
  std::size_t given_up = 0;
  for (std::size_t i = 0; i < HandshakeThreads{}.outgoing; ++i) {
    node.pools->connect(name("silent@127.0.0.1"), loopback, nobody.port(),
                        [&given_up](const HandshakeResult& link) {
                          CHECK(link.error().stage == HandshakeStage::name);
                          ++given_up;
                        });
  }
  int taken = 0;
  const auto listener = node.listening(taken);
  std::optional<HandshakeResult> made;
  node.pools->connect(name("node@127.0.0.1"), loopback, listener->port(),
                      [&made](HandshakeResult link) { made = std::move(link); });
  run_until(node.loop, "all ends",
            [&] { return made.has_value() && given_up == HandshakeThreads{}.outgoing; });
  CHECK(made->has_value());
  listener->close();
  run_for(node.loop, Milliseconds(1));
}

TEST_CASE(
    "inbound connections that stall after a byte hold two threads of their address, and none of others") {
  Pools server("server@127.0.0.1");
  std::vector<HandshakeResult> stopped;
  for (std::size_t i = 0; i < 2 * HandshakeThreads{}.incoming; ++i) {
    REQUIRE(server.silent_client(loopback, stopped));
    raw_send(server.clients.back(), std::string(1, '\0'));
  }
  server.loop.poll();
  std::vector<HandshakeResult> wrong;
  REQUIRE(server.silent_client(other_loopback, wrong));
  raw_send(server.clients.back(), "GET / HTTP/1.1\r\n\r\n");
  run_until(server.loop, "the answer to another address", [&] { return wrong.size() == 1; });
  CHECK(wrong[0].error().error.code == ErrorCode::malformed);
  CHECK(stopped.empty());
}

TEST_CASE("a third inbound connection from an address waits for one of the two before it") {
  Pools server("server@127.0.0.1");
  std::vector<HandshakeResult> ends;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(server.silent_client(loopback, ends));
  }
  raw_send(server.clients[0], std::string(1, '\0'));
  raw_send(server.clients[1], std::string(1, '\0'));
  server.loop.poll();
  raw_send(server.clients[2], "GET / HTTP/1.1\r\n\r\n");
  run_for(server.loop, Milliseconds(50));
  CHECK(ends.empty());
  server.clients[0].reset();
  run_until(server.loop, "two ends", [&] { return ends.size() == 2; });
  CHECK(ends[0].error().error.code == ErrorCode::refused);
  CHECK(ends[1].error().error.code == ErrorCode::malformed);
}

TEST_CASE("inbound connections that ended make room for others") {
  constexpr std::size_t at_once = 100;
  std::vector<HandshakeResult> ends;
  const auto come_and_go = [&ends](Pools& server, const std::function<void()>& leave) {
    while (ends.size() <= HandshakePools::max_waiting) {
      const auto all = ends.size() + at_once;
      for (std::size_t i = 0; i < at_once; ++i) {
        REQUIRE(server.silent_client(loopback, ends));
      }
      leave();
      run_until(server.loop, "their ends", [&] { return ends.size() == all; });
    }
  };
  SUBCASE("when they left") {
    Pools server("server@127.0.0.1");
    come_and_go(server, [&] { server.clients.clear(); });
  }
  SUBCASE("when they sent nothing in time") {
    Pools server("server@127.0.0.1", Milliseconds(1));
    come_and_go(server, [] {});
    for (const auto& client : server.clients) {
      CHECK(raw_closed(client));
    }
  }
}

TEST_CASE("inbound connections that wait for a thread count like silent ones") {
  Pools server("server@127.0.0.1");
  std::vector<HandshakeResult> ends;
  const auto address = [](std::size_t source) {
    return Ipv4Address(0x0a2a0000 + static_cast<std::uint32_t>(source));
  };
  constexpr std::size_t sources = HandshakePools::max_waiting / HandshakePools::max_waiting_per_source;
  for (std::size_t i = 0; i < HandshakePools::max_waiting; ++i) {
    REQUIRE(server.silent_client(address(i % sources), ends));
    raw_send(server.clients.back(), std::string(1, '\0'));
  }
  server.loop.poll();
  std::size_t taken = 0;
  while (taken < 100 && server.silent_client(address(sources), ends)) {
    ++taken;
  }
  CHECK(taken == sources * HandshakePools::incoming_threads_per_source);
}

TEST_CASE("what may wait is bounded, for one address and for all") {
  Pools server("server@127.0.0.1");
  std::vector<HandshakeResult> ends;
  std::size_t taken = 0;
  while (taken < 1'000 && server.silent_client(loopback, ends)) {
    ++taken;
  }
  CHECK(taken == HandshakePools::max_waiting_per_source);
  CHECK(raw_closed(server.clients.back()));
  for (std::uint32_t source = 0; source < 10; ++source) {
    const Ipv4Address address(0x0a2a0000 + source);
    for (std::size_t i = 0; i < 1'000 && server.silent_client(address, ends); ++i) {
      ++taken;
    }
  }
  CHECK(taken == HandshakePools::max_waiting);
}

TEST_CASE("a socket that the loop cannot watch is not taken") {
  Pools server("server@127.0.0.1");
  CHECK_FALSE(server.pools->accept(FileDescriptor(), loopback, [](const HandshakeResult&) {}));
}

TEST_CASE("what is wrong with TLS is found off the loop, and reported on it") {
  Pools node("node@127.0.0.1");
  std::optional<std::vector<std::string>> warnings;
  const auto check = [&]() { node.pools->check_tls([&](const auto& found) { warnings = found; }); };
  check();
  CHECK(node.loop.poll() == 0);  // plain TCP
  node.pools->set_tls(TlsSettings());
  check();
  CHECK_FALSE(warnings);
  run_until(node.loop, "the warnings", [&] { return warnings.has_value(); });
  CHECK(*warnings == std::vector<std::string>{"no certificate: --tls-cert-file or --ssl-dist-optfile"});
}

TEST_CASE("destruction ends every handshake at once and calls no handler") {
  std::vector<HandshakeResult> ends;
  const RawListener listener;
  const auto server = std::make_unique<Pools>("server@127.0.0.1", Milliseconds(3'600'000));
  for (int i = 0; i < 20; ++i) {
    REQUIRE(server->silent_client(loopback, ends));
    server->pools->connect(name("silent@127.0.0.1"), loopback, listener.port(),
                           [&ends](HandshakeResult end) { ends.push_back(std::move(end)); });
  }
  run_for(server->loop, Milliseconds(20));
  server->pools.reset();
  server->loop.restart();
  server->loop.run_for(patience);
  CHECK(server->loop.stopped());  // nothing is left that waits
  CHECK(ends.empty());
  for (const auto& client : server->clients) {
    CHECK(raw_closed(client));
  }
}

TEST_CASE("an answer that was on its way when the pools were destroyed is dropped") {
  Pools server("server@127.0.0.1");
  std::vector<HandshakeResult> ends;
  REQUIRE(server.silent_client(loopback, ends));
  raw_send(server.clients.back(), "GET / HTTP/1.1\r\n\r\n");
  server.loop.run_one_for(patience);         // the thread gets it; its answer is not heard yet
  CHECK(raw_closed(server.clients.back()));  // the thread is done; the loop has not heard of it
  server.pools.reset();
  run_for(server.loop, Milliseconds(20));
  CHECK(ends.empty());
}
