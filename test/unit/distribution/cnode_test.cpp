#include "rancher_cnode/distribution/cnode.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "nodes.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

TEST_CASE("two nodes connect, ping and disconnect") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  CHECK(nodes.a.cnode->connected(name("b@127.0.0.1")));
  CHECK(nodes.a.cnode->connection_count() == 1);
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "net_kernel", is_auth())) == "yes");
  CHECK(printed(*nodes.b.request("a@127.0.0.1", "net_kernel", is_auth())) == "yes");

  nodes.a.cnode->disconnect(name("b@127.0.0.1"));
  nodes.a.wait_for("down b@127.0.0.1: closed by us");
  nodes.b.wait_for("down a@127.0.0.1: the other side closed the connection");
  CHECK(nodes.a.cnode->connection_count() == 0);
  CHECK(nodes.a.cnode->counters().connections_made == 1);
  CHECK(nodes.b.cnode->counters().connections_accepted == 1);
  CHECK(nodes.a.cnode->counters().connections_lost == 1);
}

TEST_CASE("a process replies now or later, and gets casts") {
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

TEST_CASE("a reply that is too large becomes an error, and the connection stays") {
  TwoNodes nodes;
  const TermBytes large = TermWriter().binary(std::string(Connection::max_unsent_bytes, 'x')).take();
  nodes.b.cnode->add_process(
      "large", {.call = [&](const GenCall& call) { nodes.b.cnode->reply(call, large); }, .cast = {}});
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "large", hex("6a"))) == "{error,too_large}");
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "net_kernel", is_auth())) == "yes");
  CHECK(nodes.b.cnode->counters().connections_lost == 0);
}

TEST_CASE("a reply that just fits the connection arrives, and one of a byte more does not") {
  TwoNodes nodes;
  std::size_t more = 0;
  nodes.b.cnode->add_process(
      "exact", {.call =
                    [&](const GenCall& call) {
                      const auto empty = gen_reply(call, TermWriter().binary("").bytes());
                      const auto room = Connection::max_unsent_bytes - encode_send(call.from, empty).size();
                      nodes.b.cnode->reply(call, TermWriter().binary(std::string(room + more, '\0')).bytes());
                    },
                .cast = {}});
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "exact", hex("6a"))).ends_with(" bytes>>"));
  more = 1;
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "exact", hex("6a"))) == "{error,too_large}");
}

TEST_CASE("a reply to a caller whose node has no connection to us, or no name, is dropped") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  for (const auto* node : {"c@127.0.0.1", "c", ""}) {
    const GenCall call{Pid{node, 1, 0, 1}, hex("6a"), std::nullopt, hex("6a")};
    nodes.a.cnode->reply(call, hex("6a"));
  }
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "net_kernel", is_auth())) == "yes");
  CHECK(nodes.b.cnode->counters().messages_dropped == 0);
}

TEST_CASE("an answer that comes over a newer connection answers no call of that one") {
  TwoNodes nodes;
  std::vector<GenCall> waiting;
  nodes.b.cnode->add_process("later",
                             {.call = [&](GenCall call) { waiting.push_back(std::move(call)); }, .cast = {}});
  std::vector<CallResult> results;
  for (const std::size_t calls : {1U, 2U}) {
    REQUIRE(nodes.a.connect("b@127.0.0.1"));
    nodes.a.cnode->request(name("b@127.0.0.1"), "later", hex("6a"), patience,
                           [&](CallResult result) { results.push_back(std::move(result)); });
    run_until(nodes.loop, "the call", [&] { return waiting.size() == calls; });
    if (calls == 2) {
      break;
    }
    nodes.a.cnode->disconnect(name("b@127.0.0.1"));
    nodes.b.wait_for("down a@127.0.0.1: the other side closed the connection");
    run_until(nodes.loop, "the first call's end", [&] { return results.size() == 1; });
  }
  nodes.b.cnode->reply(waiting[0], TermWriter().atom("old").bytes());
  nodes.b.cnode->reply(waiting[1], TermWriter().atom("new").bytes());
  run_until(nodes.loop, "the second call's answer", [&] { return results.size() == 2; });
  CHECK(printed(*results[1]) == "new");
  CHECK(nodes.a.cnode->counters().messages_dropped == 1);
}

TEST_CASE("net_kernel answers pings alone") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  const TermBytes rows[] = {TermWriter().tuple(2).atom("is_alive").atom("a").take(),
                            TermWriter().tuple(3).atom("is_auth").atom("a").atom("b").take()};
  for (const auto& row : rows) {
    const std::string answer = printed(*nodes.a.request("b@127.0.0.1", "net_kernel", row));
    CHECK(answer.starts_with("{error,{unknown_request,"));
  }
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "net_kernel", is_auth())) == "yes");
}

TEST_CASE("without a connection a call fails at once") {
  TwoNodes nodes;
  std::optional<CallResult> result;
  nodes.a.cnode->call(name("b@127.0.0.1"), {"erlang", "nodes"}, hex("6a"), patience,
                      [&](CallResult end) { result = std::move(end); });
  CHECK_FALSE(result);
  run_until(nodes.loop, "the failure", [&] { return result.has_value(); });
  CHECK(result->error() == Error{ErrorCode::unavailable, "no connection to b@127.0.0.1"});
}

TEST_CASE("a lost connection ends its calls") {
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

TEST_CASE("concurrent callers of connect share one attempt") {
  TwoNodes nodes;
  int done = 0;
  for (int i = 0; i < 3; ++i) {
    nodes.a.cnode->connect(name("b@127.0.0.1"), [&](const auto& result) {
      CHECK(result);
      ++done;
    });
  }
  run_until(nodes.loop, "all three", [&] { return done == 3; });
  CHECK(nodes.a.cnode->counters().connections_made == 1);
  CHECK(nodes.a.connect("b@127.0.0.1"));
  CHECK(nodes.a.cnode->counters().connections_made == 1);
}

TEST_CASE("ten thousand messages to unregistered names are dropped and counted") {
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
  CHECK(nodes.b.cnode->connection_count() == 1);
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
  CHECK(with.lines->all[0].starts_with("warning event=epmd_start_failed"));
  CHECK(without.lines->all.empty());
  CHECK(without.registrations == std::vector<std::string>{"unavailable"});
}

TEST_CASE(
    "an epmd is started when the one that held our name has gone, and not before; stop ends the attempts") {
  asio::io_context loop;
  EpmdStandIn epmd(loop);
  Node node(loop, epmd, "a@127.0.0.1",
            [](CNode::Settings& settings) { settings.epmd_program = "/nowhere/epmd"; });
  node.start();
  CHECK(node.lines->all.empty());
  epmd.down();
  run_until(loop, "the attempt", [&] { return !node.lines->all.empty(); });
  CHECK(node.lines->all[0].starts_with("warning event=epmd_start_failed"));
  node.cnode->stop();
  loop.restart();
  loop.run_for(patience);
  CHECK(loop.stopped());  // nothing is left that waits
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
