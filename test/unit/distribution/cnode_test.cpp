#include "rancher_cnode/distribution/cnode.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "nodes.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

TEST_CASE("two nodes link, ping and let go") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  CHECK(nodes.a.cnode->linked(name("b@127.0.0.1")));
  CHECK(nodes.a.cnode->link_count() == 1);
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "net_kernel", is_auth())) == "yes");
  CHECK(printed(*nodes.b.request("a@127.0.0.1", "net_kernel", is_auth())) == "yes");

  nodes.a.cnode->disconnect(name("b@127.0.0.1"));
  nodes.a.wait_for("down b@127.0.0.1: closed by us");
  nodes.b.wait_for("down a@127.0.0.1: the other side closed the link");
  CHECK(nodes.a.cnode->link_count() == 0);
  CHECK(nodes.a.cnode->counters().links_made == 1);
  CHECK(nodes.b.cnode->counters().links_accepted == 1);
  CHECK(nodes.a.cnode->counters().links_lost == 1);
}

TEST_CASE("a process answers now or later, and hears casts") {
  TwoNodes nodes;
  std::optional<GenCall> waiting;
  std::string heard;
  nodes.b.cnode->add_process("rancher_cnode",
                             {.call =
                                  [&](GenCall call) {
                                    if (printed(call.request) == "later") {
                                      waiting = std::move(call);
                                    } else {
                                      nodes.b.cnode->reply(call, call.request);
                                    }
                                  },
                              .cast = [&](std::span<const char> request) { heard = printed(request); }});
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "rancher_cnode", TermWriter().atom("echo").take())) ==
        "echo");

  std::optional<CallResult> late;
  nodes.a.cnode->request(name("b@127.0.0.1"), "rancher_cnode", TermWriter().atom("later").take(), patience,
                         [&](CallResult result) { late = std::move(result); });
  run_until(nodes.loop, "the call", [&] { return waiting.has_value(); });
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "rancher_cnode", TermWriter().atom("first").take())) ==
        "first");
  CHECK_FALSE(late);
  nodes.b.cnode->reply(*waiting, TermWriter().atom("done").bytes());
  run_until(nodes.loop, "the late reply", [&] { return late.has_value(); });
  CHECK(printed(**late) == "done");
}

TEST_CASE("a reply that is too large for the link is told to the caller, and the link stays") {
  TwoNodes nodes;
  const TermBytes large = TermWriter().binary(std::string(Connection::max_unsent_bytes, 'x')).take();
  nodes.b.cnode->add_process(
      "large", {.call = [&](const GenCall& call) { nodes.b.cnode->reply(call, large); }, .cast = {}});
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "large", hex("6a"))) == "{error,too_large}");
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "net_kernel", is_auth())) == "yes");
  CHECK(nodes.b.cnode->counters().links_lost == 0);
}

TEST_CASE("without a link a call fails at once") {
  TwoNodes nodes;
  std::optional<CallResult> result;
  nodes.a.cnode->call(name("b@127.0.0.1"), {"erlang", "nodes"}, hex("6a"), patience,
                      [&](CallResult end) { result = std::move(end); });
  CHECK_FALSE(result);
  run_until(nodes.loop, "the failure", [&] { return result.has_value(); });
  CHECK(result->error() == Error{ErrorCode::unavailable, "no link to b@127.0.0.1"});
}

TEST_CASE("a link that breaks ends its calls") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  std::optional<CallResult> result;
  nodes.a.cnode->call(name("b@127.0.0.1"), {"erlang", "nodes"}, hex("6a"), patience,
                      [&](CallResult end) { result = std::move(end); });
  run_until(nodes.loop, "the message", [&] { return nodes.b.cnode->counters().messages_dropped == 1; });
  nodes.b.cnode->stop();
  run_until(nodes.loop, "the failure", [&] { return result.has_value(); });
  CHECK(result->error().code == ErrorCode::unavailable);
}

TEST_CASE("several who want the same link share one attempt") {
  TwoNodes nodes;
  int done = 0;
  for (int i = 0; i < 3; ++i) {
    nodes.a.cnode->connect(name("b@127.0.0.1"), [&](const auto& result) {
      CHECK(result);
      ++done;
    });
  }
  run_until(nodes.loop, "all three", [&] { return done == 3; });
  CHECK(nodes.a.cnode->counters().links_made == 1);
  CHECK(nodes.a.connect("b@127.0.0.1"));
  CHECK(nodes.a.cnode->counters().links_made == 1);
}

TEST_CASE("ten thousand messages to nobody are dropped and counted") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  int failed = 0;
  for (int i = 0; i < 10'000; ++i) {
    nodes.a.cnode->request(name("b@127.0.0.1"), "nobody", hex("6a"), Milliseconds(1),
                           [&](const CallResult& result) {
                             CHECK(result.error().code == ErrorCode::timeout);
                             ++failed;
                           });
  }
  run_until(nodes.loop, "all messages",
            [&] { return nodes.b.cnode->counters().messages_dropped == 10'000 && failed == 10'000; });
  CHECK(nodes.b.cnode->link_count() == 1);
  CHECK(nodes.b.lines->all.empty());
}

TEST_CASE("an epmd is started when none answers, if one was named") {
  asio::io_context loop;
  EpmdStandIn epmd(loop);
  epmd.down();
  Node without(loop, epmd, "a@127.0.0.1");
  REQUIRE(without.cnode->start());
  Node with(loop, epmd, "b@127.0.0.1",
            [](CNode::Settings& settings) { settings.epmd_program = "/nowhere/epmd"; });
  REQUIRE(with.cnode->start());
  run_until(loop, "the attempt", [&] { return !with.lines->all.empty(); });
  CHECK(with.lines->all[0].starts_with("warning event=epmd_not_started"));
  CHECK(without.lines->all.empty());
  CHECK(without.registrations == std::vector<std::string>{"unavailable"});
}

TEST_CASE("a node cannot listen where it has no address, and may try again") {
  asio::io_context loop;
  EpmdStandIn epmd(loop);
  Node node(loop, epmd, "a@192.0.2.1");
  for (int i = 0; i < 2; ++i) {
    const auto started = node.cnode->start();
    REQUIRE_FALSE(started);
    CHECK(started.error().code == ErrorCode::unavailable);
  }
  Node nameless(loop, epmd, "a@host.example");
  CHECK(nameless.cnode->start().error().code == ErrorCode::malformed);
}
