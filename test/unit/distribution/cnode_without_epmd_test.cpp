// A C-node where all nodes have one distribution port and no epmd runs.
#include <doctest/doctest.h>

#include <optional>

#include "nodes.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

/// b is found by epmd like any node; a knows only its port.
struct WithoutEpmd {
  WithoutEpmd() { b.start(); }
  ~WithoutEpmd() {
    a->cnode->stop();
    b.cnode->stop();
    run_for(loop, Milliseconds(1));
  }
  void start(std::uint16_t dist_port) {
    a.emplace(loop, epmd, "a@127.0.0.1", [&](CNode::Settings& settings) {
      settings.ports = {.epmd_port = epmd.port(), .dist_port = dist_port};
      settings.epmd_program = "/bin/false";
    });
    REQUIRE(a->cnode->start());
  }

  asio::io_context loop;
  EpmdStandIn epmd{loop};
  Node b{loop, epmd, "b@127.0.0.1"};
  std::optional<Node> a;
};

}  // namespace

TEST_CASE("without epmd a node connects by the port alone, and is called over that connection") {
  WithoutEpmd nodes;
  nodes.start(nodes.b.cnode->listen_port());
  const auto requests = nodes.epmd.requests.size();
  REQUIRE(nodes.a->connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  CHECK(printed(*nodes.b.request("a@127.0.0.1", "net_kernel", is_auth())) == "yes");
  CHECK(nodes.epmd.requests.size() == requests);
}

TEST_CASE("without epmd a node neither registers nor listens") {
  WithoutEpmd nodes;
  nodes.start(nodes.b.cnode->listen_port());
  run_for(nodes.loop, Milliseconds(100));
  CHECK_FALSE(nodes.epmd.names.contains("a"));
  CHECK(nodes.a->registrations.empty());
  CHECK(nodes.a->cnode->registration() == RegistrationState::not_used);
  CHECK(nodes.a->cnode->listen_port() == 0);
}

TEST_CASE("without epmd a BEAM that is not there is no matter of epmd") {
  WithoutEpmd nodes;
  const ReservedPort free;
  nodes.start(free.number());
  const auto failed = nodes.a->connect("b@127.0.0.1");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().stage == "connect");
  CHECK(failed.error().port == free.number());
  CHECK(failed.error().error == Error{ErrorCode::not_found, "nobody listens on its distribution port " +
                                                                std::to_string(free.number())});
}
