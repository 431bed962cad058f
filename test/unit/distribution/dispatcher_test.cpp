#include "distribution/node/dispatcher.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "bytes.hpp"
#include "connected.hpp"
#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

const Pid nobody{"cn@127.0.0.1", 2, 0, 9};
const Pid theirs{"beam@127.0.0.1", 9, 0, 5};
const Reference reference{"beam@127.0.0.1", 5, 3, {1, 2, 3}};
const TermBytes payload = TermWriter().atom("hello").take();

/// A connected node whose other end is a raw socket, and one process, "status", that takes casts.
struct Dispatching {
  Dispatching() {
    auto [one, other] = raw_pair();
    make_non_blocking(one);
    peer = std::move(other);
    node.connection =
        std::make_shared<Connection>(loop, std::move(one), Connection::Timing{}, Connection::Handlers{});
    node.calls = std::make_unique<RemoteCalls>(loop, ours, 1, [](std::vector<char>) {});
    processes.add("status", {.call = {},
                             .cast = [this](std::span<const char>) { ++casts; },
                             .caller_gone =
                                 [this](const Pid& pid, const Reference& monitor) {
                                   caller_gone = {pid, monitor};
                                 }});
  }

  void take(const ControlMessage& control, std::span<const char> message = {}) {
    dispatcher.dispatch(node, Message{control, message});
  }

  /// All that was sent to the peer; nothing can follow.
  std::string sent() {
    node.connection->close_silently();
    return raw_receive(peer, 1'000);
  }

  asio::io_context loop;
  FileDescriptor peer;
  LocalProcesses processes;
  CNode::Counters counters;
  Dispatcher dispatcher{processes, ours, counters};
  ConnectedNode node;
  int casts = 0;
  std::optional<std::pair<Pid, Reference>> caller_gone;
};

std::string text(const std::vector<char>& bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

TEST_CASE("a message to our pid answers a call, and any other is dropped and counted") {
  Dispatching dispatching;
  TermBytes tag;
  int answers = 0;
  dispatching.node.calls =
      std::make_unique<RemoteCalls>(dispatching.loop, ours, 1, [&](std::vector<char> frame) {
        TermReader request(decode_message(std::span<const char>(frame).subspan(4))->payload);
        REQUIRE((request.accept_tuple(3) && request.accept_atom("$gen_call") && request.accept_tuple(2)));
        CHECK(request.pid() == ours);
        const auto found = *request.skip();
        tag.assign(found.begin(), found.end());
      });
  dispatching.node.calls->request("rex", payload, patience, [&](const CallResult&) { ++answers; });
  const auto answer = TermWriter().tuple(2).raw(tag).raw(payload).take();
  dispatching.take(control::Send{nobody}, answer);
  CHECK(answers == 0);
  CHECK(dispatching.counters.messages_dropped == 1);
  dispatching.take(control::Send{ours}, answer);
  CHECK(answers == 1);
  CHECK(dispatching.counters.messages_dropped == 1);
  dispatching.take(control::Send{ours}, answer);
  CHECK(dispatching.counters.messages_dropped == 2);
}

TEST_CASE("a message to a name reaches its process, one to an unregistered name is dropped and counted") {
  Dispatching dispatching;
  const auto cast = TermWriter().tuple(2).atom("$gen_cast").atom("refresh").take();
  dispatching.take(control::RegSend{theirs, "status"}, cast);
  CHECK(dispatching.casts == 1);
  CHECK(dispatching.counters.messages_dropped == 0);
  dispatching.take(control::RegSend{theirs, "nobody"}, cast);
  CHECK(dispatching.casts == 1);
  CHECK(dispatching.counters.messages_dropped == 1);
}

TEST_CASE("a process that links to our pid is remembered, one that links to no process gets noproc") {
  Dispatching dispatching;
  dispatching.take(control::Link{theirs, ours});
  CHECK(dispatching.node.observers.exit_signals("shutdown") == encode_exit(ours, theirs, "shutdown"));
  dispatching.take(control::Link{theirs, nobody});
  CHECK(dispatching.node.observers.size() == 1);
  CHECK(dispatching.sent() == text(encode_exit(nobody, theirs, "noproc")));
}

TEST_CASE("an unlink is acknowledged if it has an id, and ends the link between the processes either way") {
  const auto id = TermWriter().integer(77).take();
  for (const auto& given : {id, TermBytes{}}) {
    Dispatching dispatching;
    dispatching.take(control::Link{theirs, ours});
    dispatching.take(control::Unlink{given, theirs, ours});
    CHECK(dispatching.node.observers.size() == 0);
    CHECK(dispatching.sent() == (given.empty() ? "" : text(encode_unlink_id_ack(id, ours, theirs))));
  }
}

TEST_CASE("a monitor of a local process is remembered, any other ends at once") {
  const struct {
    std::variant<Pid, std::string> to;
    bool lives;
  } rows[] = {{ours, true}, {nobody, false}, {std::string("status"), true}, {std::string("nobody"), false}};
  for (const auto& row : rows) {
    Dispatching dispatching;
    dispatching.take(control::Monitor{theirs, row.to, reference});
    CHECK(dispatching.node.observers.size() == (row.lives ? 1 : 0));
    CHECK(dispatching.sent() ==
          (row.lives ? "" : text(encode_monitor_exit(row.to, theirs, reference, "noproc"))));
  }
}

TEST_CASE("a removed monitor is forgotten, and the processes are notified") {
  Dispatching dispatching;
  dispatching.take(control::Monitor{theirs, ours, reference});
  dispatching.take(control::Demonitor{theirs, reference});
  CHECK(dispatching.node.observers.size() == 0);
  CHECK(dispatching.caller_gone == std::pair(theirs, reference));
}

TEST_CASE("the end of a process ends its link to us and nothing else, and is counted as ignored") {
  Dispatching dispatching;
  dispatching.take(control::Link{theirs, ours});
  dispatching.take(control::Exit{theirs, ours});
  CHECK(dispatching.node.observers.size() == 0);
  CHECK(dispatching.counters.controls_ignored == 1);
  dispatching.take(control::Ignored{8});
  CHECK(dispatching.counters.controls_ignored == 2);
  CHECK(dispatching.sent().empty());
}
