// Nodes that are connected over TLS: the same messages, limits and ends as without.
#include <doctest/doctest.h>

#include "certificates.hpp"
#include "nodes.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;

namespace {

/// Two nodes with TLS; the second echoes.
struct TlsNodes {
  TlsNodes() {
    a.start();
    b.start();
    b.cnode->add_process(
        "echo", {.call = [this](const GenCall& call) { b.cnode->reply(call, call.request); }, .cast = {}});
  }
  ~TlsNodes() {
    a.cnode->stop();
    b.cnode->stop();
    run_for(loop, Milliseconds(1));
  }
  static void speak_tls(CNode::Settings& settings) { settings.tls = tls_with("good"); }

  boost::asio::io_context loop;
  EpmdStandIn epmd{loop};
  Node a{loop, epmd, "a@127.0.0.1", speak_tls};
  Node b{loop, epmd, "b@127.0.0.1", speak_tls};
};

TermBytes binary(std::size_t size) { return TermWriter().binary(std::string(size, 'x')).take(); }

}  // namespace

TEST_CASE("calls of all sizes are answered over TLS") {
  TlsNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  for (const std::size_t size : {1U, 16'000U, 16'384U, 70'000U, 4'000'000U}) {
    CAPTURE(size);
    const auto request = binary(size);
    const auto answer = nodes.a.request("b@127.0.0.1", "echo", request);
    REQUIRE(answer);
    CHECK(*answer == request);
  }
}

TEST_CASE("many calls at once are answered over TLS") {
  TlsNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  std::size_t answered = 0;
  for (int i = 0; i < 500; ++i) {
    nodes.a.cnode->request(name("b@127.0.0.1"), "echo", binary(1'000), patience,
                           [&](const CallResult& result) { answered += result ? 1U : 0U; });
  }
  run_until(nodes.loop, "all answers", [&] { return answered == 500; });
}

TEST_CASE("the end of a connection over TLS is seen by the other side") {
  TlsNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  nodes.a.cnode->disconnect(name("b@127.0.0.1"));
  nodes.b.wait_for("down a@127.0.0.1: the other side closed the connection");
}

TEST_CASE("TLS can be switched on for the connections to come") {
  TlsNodes nodes;
  nodes.a.cnode->set_tls(std::nullopt);
  const auto refused = nodes.a.connect("b@127.0.0.1");
  REQUIRE_FALSE(refused);
  nodes.a.cnode->set_tls(tls_with("good"));
  CHECK(nodes.a.connect("b@127.0.0.1"));
}

TEST_CASE("each connection that fails in TLS is one line with its reason") {
  TlsNodes nodes;
  nodes.a.cnode->set_tls(tls_with("foreign"));
  CHECK_FALSE(nodes.a.connect("b@127.0.0.1"));
  CHECK_FALSE(nodes.a.connect("b@127.0.0.1"));
  const auto logged = [&] {
    return std::ranges::count_if(nodes.b.lines->all, [](const std::string& line) {
      return line.find("event=inbound_handshake_failed") != std::string::npos &&
             line.find("stage=tls") != std::string::npos &&
             line.find("the peer's certificate is of another CA") != std::string::npos;
    });
  };
  run_until(nodes.loop, "the lines", [&] { return logged() > 1; });
  run_for(nodes.loop, Milliseconds(50));
  CHECK(logged() == 2);
}
