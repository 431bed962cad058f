#include "rancher_cnode/distribution/cnode.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "bytes.hpp"
#include "epmd_stand_in.hpp"
#include "loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

class Lines final : public Log::Sink {
 public:
  void line(std::string_view text) override { all.emplace_back(text.substr(text.find(' ') + 1)); }
  std::vector<std::string> all;
};

NodeName name(const std::string& text) { return *NodeName::parse(text); }

/// One node with all that it told. Several share a loop and an epmd.
struct Node {
  Node(asio::io_context& its_loop, const EpmdStandIn& epmd, const std::string& node,
       const std::function<void(CNode::Settings&)>& change = {})
      : loop(its_loop) {
    initialise_handshakes();
    CNode::Settings settings{
        .name = name(node), .cookie = Cookie("secret"), .listen_ports = {}, .timing = {}};
    settings.epmd_port = epmd.port();
    settings.epmd_limit = patience;
    if (change) change(settings);
    cnode.emplace(loop, settings,
                  CNode::Handlers{[this](const NodeName& peer) {
                                    events.push_back("up " + peer.str());
                                    if (on_event) on_event();
                                  },
                                  [this](const NodeName& peer, const Error& why) {
                                    events.push_back("down " + peer.str() + ": " + why.message);
                                    if (on_event) on_event();
                                  },
                                  [this](RegistrationState state, const std::string& /*reason*/) {
                                    registrations.push_back(std::string(to_string(state)));
                                  }},
                  log);
  }

  void start() {
    REQUIRE(cnode->start());
    run_until(loop, "the registration",
              [this] { return cnode->registration() == RegistrationState::registered; });
  }

  void wait_for(const std::string& event) {
    run_until(loop, event.c_str(),
              [&] { return std::find(events.begin(), events.end(), event) != events.end(); });
  }

  tl::expected<void, ConnectFailure> connect(const std::string& peer) {
    std::optional<tl::expected<void, ConnectFailure>> result;
    cnode->connect(name(peer), [&](tl::expected<void, ConnectFailure> end) { result = std::move(end); });
    run_until(loop, "the link or its failure", [&] { return result.has_value(); });
    return *result;
  }

  CallResult request(const std::string& peer, const std::string& process, const TermBytes& request) {
    std::optional<CallResult> result;
    cnode->request(name(peer), process, request, patience, [&](CallResult end) { result = std::move(end); });
    run_until(loop, "the reply", [&] { return result.has_value(); });
    return *result;
  }

  asio::io_context& loop;
  std::shared_ptr<Lines> lines = std::make_shared<Lines>();
  Log log{LogLevel::debug, LogFormat::text, lines};
  std::vector<std::string> events;
  std::vector<std::string> registrations;
  std::function<void()> on_event;
  std::optional<CNode> cnode;
};

struct TwoNodes {
  explicit TwoNodes(const std::function<void(CNode::Settings&)>& change = {})
      : b(loop, epmd, "b@127.0.0.1", change) {
    a.start();
    b.start();
  }
  ~TwoNodes() {
    a.cnode->stop();
    b.cnode->stop();
    run_for(loop, Milliseconds(1));
  }
  asio::io_context loop;
  EpmdStandIn epmd{loop};
  Node a{loop, epmd, "a@127.0.0.1"};
  Node b;
};

TermBytes is_auth() { return TermWriter().tuple(2).atom("is_auth").atom("a@127.0.0.1").take(); }

}  // namespace

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

TEST_CASE("a link that fails says at which stage and why") {
  TwoNodes nodes([](CNode::Settings& settings) { settings.cookie = Cookie("another"); });
  nodes.epmd.names["dead"] = 1;
  const struct {
    const char* peer;
    const char* stage;
    const char* message;
  } rows[] = {
      {"nobody@127.0.0.1", "epmd", "its epmd does not know the name nobody"},
      {"dead@127.0.0.1", "connect", "nobody listens there"},
      {"b@127.0.0.1", "challenge_ack",
       "the peer closed after our challenge reply: most likely the cookie differs"},
      {"b@host.example", "name", "the host of b@host.example"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.peer);
    const auto result = nodes.a.connect(row.peer);
    REQUIRE_FALSE(result);
    CHECK(result.error().stage == row.stage);
    CHECK(result.error().error.message.starts_with(row.message));
  }
  run_until(nodes.loop, "b's own view", [&] { return !nodes.b.lines->all.empty(); });
  CHECK(nodes.b.lines->all[0].starts_with("warning event=handshake_failed"));
}

TEST_CASE("two nodes that connect to each other at the same moment both get an answer") {
  for (int round = 0; round < 10; ++round) {
    TwoNodes nodes;
    int done = 0;
    nodes.a.cnode->connect(name("b@127.0.0.1"), [&](const auto& result) { done += result ? 1 : 0; });
    nodes.b.cnode->connect(name("a@127.0.0.1"), [&](const auto& result) { done += result ? 1 : 0; });
    run_until(nodes.loop, "both", [&] { return done == 2; });
    CHECK(nodes.a.cnode->link_count() <= 1);
    CHECK(nodes.b.cnode->link_count() <= 1);
  }
}

TEST_CASE("a new link of the same name replaces the old one") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  // A second node of that name, as after a restart that b has not noticed.
  nodes.epmd.names.erase("a");
  Node again(nodes.loop, nodes.epmd, "a@127.0.0.1");
  REQUIRE(again.connect("b@127.0.0.1"));
  nodes.b.wait_for("down a@127.0.0.1: replaced by a new link");
  nodes.a.wait_for("down b@127.0.0.1: the other side closed the link");
  CHECK(nodes.b.events == std::vector<std::string>{"up a@127.0.0.1",
                                                   "down a@127.0.0.1: replaced by a new link",
                                                   "up a@127.0.0.1"});
  CHECK(nodes.b.cnode->link_count() == 1);
  CHECK(printed(*again.request("b@127.0.0.1", "net_kernel", is_auth())) == "yes");
}

TEST_CASE("a node of our own name, or of none that we accept, is no link") {
  TwoNodes nodes;
  nodes.epmd.names.erase("a");
  Node same(nodes.loop, nodes.epmd, "b@127.0.0.1");
  // Its epmd tells it the port of the other.
  static_cast<void>(same.connect("b@127.0.0.1"));
  run_until(nodes.loop, "the refusal", [&] { return nodes.b.cnode->counters().strangers_refused == 1; });
  CHECK(nodes.b.cnode->link_count() == 0);
  CHECK(nodes.b.lines->all.back().ends_with("stage=complete reason=\"it uses our own name\""));
}

TEST_CASE("no more links are taken in than the limit, but a known node may always come again") {
  TwoNodes nodes([](CNode::Settings& settings) { settings.max_links = 2; });
  Node second(nodes.loop, nodes.epmd, "second@127.0.0.1");
  Node third(nodes.loop, nodes.epmd, "third@127.0.0.1");
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  REQUIRE(second.connect("b@127.0.0.1"));
  nodes.b.wait_for("up second@127.0.0.1");
  static_cast<void>(third.connect("b@127.0.0.1"));
  run_until(nodes.loop, "the refusal", [&] { return nodes.b.cnode->counters().strangers_refused == 1; });
  CHECK(nodes.b.cnode->link_count() == 2);
  Node again(nodes.loop, nodes.epmd, "second@127.0.0.1");
  REQUIRE(again.connect("b@127.0.0.1"));
  nodes.b.wait_for("down second@127.0.0.1: replaced by a new link");
  CHECK(nodes.b.cnode->link_count() == 2);
}

TEST_CASE("strangers that say nothing keep no node out") {
  TwoNodes nodes([](CNode::Settings& settings) { settings.max_links = 2; });
  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(raw_connect(nodes.b.cnode->listen_port(), other_loopback));
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  CHECK(printed(*nodes.a.request("b@127.0.0.1", "net_kernel", is_auth())) == "yes");
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

TEST_CASE("the name goes back to epmd at stop, and no handler runs any more") {
  TwoNodes nodes;
  REQUIRE(nodes.a.connect("b@127.0.0.1"));
  nodes.b.wait_for("up a@127.0.0.1");
  bool answered = false;
  nodes.b.cnode->call(name("a@127.0.0.1"), {"erlang", "nodes"}, hex("6a"), patience,
                      [&](const CallResult&) { answered = true; });
  nodes.b.cnode->connect(name("a@127.0.0.1"), [&](const auto&) { answered = true; });
  nodes.b.cnode->connect(name("nobody@127.0.0.1"), [&](const auto&) { answered = true; });
  nodes.b.cnode->stop();
  const auto events = nodes.b.events.size();
  nodes.a.wait_for("down b@127.0.0.1: the other side closed the link");
  run_until(nodes.loop, "the name to be free", [&] { return !nodes.epmd.names.contains("b"); });
  run_for(nodes.loop, Milliseconds(50));
  CHECK_FALSE(answered);
  CHECK(nodes.b.events.size() == events);
  CHECK(nodes.b.registrations == std::vector<std::string>{"registered"});
}

TEST_CASE("a node may stop inside any of its handlers") {
  SUBCASE("when a link comes up") {
    TwoNodes nodes;
    nodes.b.on_event = [&] { nodes.b.cnode->stop(); };
    static_cast<void>(nodes.a.connect("b@127.0.0.1"));
    nodes.b.wait_for("up a@127.0.0.1");
    run_for(nodes.loop, Milliseconds(20));
    CHECK(nodes.b.cnode->link_count() == 0);
  }
  SUBCASE("when a link goes") {
    TwoNodes nodes;
    REQUIRE(nodes.a.connect("b@127.0.0.1"));
    nodes.b.wait_for("up a@127.0.0.1");
    nodes.b.on_event = [&] { nodes.b.cnode->stop(); };
    nodes.a.cnode->disconnect(name("b@127.0.0.1"));
    nodes.b.wait_for("down a@127.0.0.1: the other side closed the link");
  }
  SUBCASE("when a call comes, or its answer") {
    TwoNodes nodes;
    nodes.b.cnode->add_process("stop", {.call = [&](const GenCall&) { nodes.b.cnode->stop(); }, .cast = {}});
    REQUIRE(nodes.a.connect("b@127.0.0.1"));
    std::optional<CallResult> result;
    nodes.a.cnode->request(name("b@127.0.0.1"), "stop", hex("6a"), patience, [&](CallResult end) {
      result = std::move(end);
      nodes.a.cnode->stop();
    });
    run_until(nodes.loop, "the end", [&] { return result.has_value(); });
    CHECK_FALSE(*result);
    run_for(nodes.loop, Milliseconds(20));
  }
  SUBCASE("when an attempt ends that others wait for too") {
    TwoNodes nodes;
    int ended = 0;
    for (int i = 0; i < 3; ++i) {
      nodes.a.cnode->connect(name("nobody@127.0.0.1"), [&](const auto&) {
        ++ended;
        nodes.a.cnode->stop();
      });
    }
    run_until(nodes.loop, "the end", [&] { return ended > 0; });
    run_for(nodes.loop, Milliseconds(20));
    CHECK(ended == 1);
  }
}

TEST_CASE("a node that goes at any moment of a handshake leaves nothing that could call it") {
  for (int rounds = 0; rounds < 12; ++rounds) {
    CAPTURE(rounds);
    asio::io_context loop;
    EpmdStandIn epmd(loop);
    Node b(loop, epmd, "b@127.0.0.1");
    b.start();
    {
      Node a(loop, epmd, "a@127.0.0.1");
      a.start();
      a.cnode->connect(name("b@127.0.0.1"), [](const auto&) {});
      for (int i = 0; i < rounds; ++i) {
        loop.restart();
        loop.run_one_for(Milliseconds(3));
      }
    }
    run_for(loop, Milliseconds(20));
  }
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
