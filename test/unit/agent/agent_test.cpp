// The whole agent, with a BEAM, an epmd and a metadata service that are stand-ins on loopback.
#include "rancher_cnode/agent/agent.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <future>
#include <mutex>

#include "support/unit/log_lines.hpp"
#include "support/unit/scripted_metadata.hpp"
#include "unit/distribution/nodes.hpp"

using namespace rancher_cnode;
using distribution::GenCall;
using distribution::TermWriter;
using distribution::test::EpmdStandIn;
using distribution::test::loopback;
using distribution::test::Node;
using distribution::test::run_for;
using distribution::test::run_until;
using testing::ScriptedMetadata;
using testing::service_body;

namespace {

/// The agent logs on its own thread.
class SharedLines final : public Log::Sink {
 public:
  void line(std::string_view text) override {
    const std::scoped_lock lock(mutex_);
    lines_.line(text);
  }
  std::vector<std::string> of(const std::string& event) {
    const std::scoped_lock lock(mutex_);
    return lines_.of(event);
  }
  std::size_t count(const std::string& event) { return of(event).size(); }

 private:
  std::mutex mutex_;
  LogLines lines_;
};

struct Running {
  Running() {
    metadata.put("self/service", service_body("web", {2, 3}));
    config.node_basename = "myapp";
    config.ip = loopback;
    config.cookie = Cookie("secret");
    config.metadata_urls = {metadata.url()};
    config.metadata_version = "latest";
    config.services = {{"self/service", ""}};
    config.probe = ProbeMode::off;
    config.epmd_port = epmd.port();
    beam.cnode->add_process("rex", {.call = [this](const GenCall& call) { execute(call); }, .cast = {}});
    beam.start();
  }
  ~Running() {
    if (running.valid() && !ended()) {
      ::raise(SIGTERM);
      result();
    }
    beam.cnode->stop();
    run_for(loop, Milliseconds(1));
  }

  /// As a BEAM with nobody connected executes calls.
  void execute(const GenCall& call) {
    if (hangs) {
      unanswered.push_back(call);
      return;
    }
    calls.push_back(distribution::printed(call.request));
    if (calls.back().find("nodes") != std::string::npos) {
      beam.cnode->reply(call, TermWriter().nil().bytes());
    } else {
      beam.cnode->reply(call, TermWriter().atom("true").bytes());
    }
  }
  [[nodiscard]] bool called(const std::string& part) const {
    return std::ranges::any_of(calls, [&](const auto& call) { return call.find(part) != std::string::npos; });
  }

  void begin() {
    running = std::async(std::launch::async, [this] {
      return agent::Agent(config, {"1.2.3", "release-gcc"}, log, processes).run();
    });
  }
  [[nodiscard]] bool ended() const { return running.wait_for(Milliseconds(0)) == std::future_status::ready; }
  int result() {
    run_until(loop, "the agent's end", [this] { return ended(); });
    return running.get();
  }
  void await_event(const std::string& event) {
    run_until(loop, event.c_str(), [&] { return lines->count(event) > 0; });
  }

  boost::asio::io_context loop;
  EpmdStandIn epmd{loop};
  ScriptedMetadata metadata;
  Node beam{loop, epmd, "myapp@127.0.0.1"};
  std::vector<std::string> calls;
  bool hangs = false;
  std::vector<GenCall> unanswered;
  Config config;
  std::shared_ptr<SharedLines> lines = std::make_shared<SharedLines>();
  Log log{LogLevel::info, LogFormat::text, lines};
  host::ProcessTable processes{"/nowhere"};
  std::future<int> running;
};

}  // namespace

TEST_CASE(
    "the BEAM on the own address is asked to connect to each peer of the metadata, and --once ends after "
    "that") {
  Running agent;
  agent.config.once = Switch::on;
  agent.begin();
  CHECK(agent.result() == 0);
  CHECK(agent.called("{call,erlang,nodes,[connected],user}"));
  CHECK(agent.called("{call,net_kernel,connect_node,[myapp@10.42.0.2],user}"));
  CHECK(agent.called("{call,net_kernel,connect_node,[myapp@10.42.0.3],user}"));
  CHECK(agent.lines->count("peer_listed") == 2);
  CHECK(agent.lines->of("shutdown_started") ==
        std::vector<std::string>{
            "event=shutdown_started msg=\"existing connections stay\" reason=\"initial sync done\""});
}

TEST_CASE("the agent continues after the initial sync, and ends by a signal") {
  Running agent;
  agent.begin();
  agent.await_event("peer_connected");
  run_for(agent.loop, Milliseconds(50));
  CHECK_FALSE(agent.ended());
  ::raise(SIGTERM);
  CHECK(agent.result() == 0);
  CHECK(agent.lines->of("shutdown_started").at(0).find("reason=SIGTERM") != std::string::npos);
  CHECK(agent.lines->count("node_registered") == 1);
}

TEST_CASE("the agent ends when the watched process has ended") {
  Running agent;
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  agent.config.watch_pid = child;
  agent.begin();
  CHECK(agent.result() == 0);
  CHECK(agent.lines->of("shutdown_started").at(0).find("the watched process") != std::string::npos);
  ::waitpid(child, nullptr, 0);
}

TEST_CASE("a port that is taken is reported once, and what was read meanwhile is used once it is free") {
  Running agent;
  std::optional<distribution::test::RawListener> taken(std::in_place);
  agent.config.listen_ports = {taken->port(), taken->port()};
  agent.begin();
  agent.await_event("listener_failed");
  CHECK(agent.metadata.await_waits(1));  // the service was read
  agent.metadata.set_down(true);         // and from now on reads fail
  run_for(agent.loop, Milliseconds(1'300));
  CHECK(agent.lines->count("listener_failed") == 1);
  CHECK(agent.calls.empty());
  taken.reset();
  agent.await_event("peer_connected");
  CHECK(agent.lines->count("listener_started") == 1);
}

TEST_CASE("a caller that waits is answered after the initial sync, and status has what was read and where") {
  Running agent;
  agent.hangs = true;
  agent.begin();
  const NodeName cnode = *NodeName::parse("remsh-rancher_cnode@127.0.0.1");
  run_until(agent.loop, "the list", [&] { return !agent.unanswered.empty(); });
  agent.await_event("peer_listed");
  const auto ask = [&](std::string_view what) {
    return *agent.beam.request(cnode.str(), "rancher_cnode", TermWriter().atom(what).take());
  };
  CHECK(distribution::printed(ask("readiness")) ==
        "<<\"target myapp@127.0.0.1 is connected; peers not tried yet: 2, the first myapp@10.42.0.2: the "
        "target "
        "has "
        "not listed its connections yet\">>");
  const auto status = ask("status");
  const std::string bytes(status.begin(), status.end());
  for (const auto& part : {agent.metadata.url(), std::string("1.2.3"), std::string("myapp@10.42.0.2")}) {
    CHECK(bytes.find(part) != std::string::npos);
  }

  std::optional<distribution::CallResult> awaited;
  agent.beam.cnode->request(cnode, "rancher_cnode",
                            TermWriter().tuple(2).atom("await").atom("infinity").take(),
                            distribution::test::patience, [&](auto result) { awaited = std::move(result); });
  ask("version");
  CHECK_FALSE(awaited);
  agent.hangs = false;
  agent.execute(agent.unanswered.front());
  run_until(agent.loop, "the answer", [&] { return awaited.has_value(); });
  CHECK(distribution::printed(**awaited) == "ok");
}

TEST_CASE("callers whose node has gone give their places back") {
  Running agent;
  agent.hangs = true;
  agent.begin();
  const NodeName cnode = *NodeName::parse("remsh-rancher_cnode@127.0.0.1");
  const auto await = TermWriter().tuple(2).atom("await").atom("infinity").take();
  for (int round = 1; round <= 2; ++round) {
    CAPTURE(round);
    run_until(agent.loop, "the connection", [&] { return agent.beam.cnode->connected(cnode); });
    int refused = 0;
    int answered = 0;
    for (int i = 0; i < 1'025; ++i) {
      agent.beam.cnode->request(cnode, "rancher_cnode", await, distribution::test::patience,
                                [&](const distribution::CallResult& result) {
                                  ++answered;
                                  refused += result ? 1 : 0;
                                });
    }
    agent.beam.request(cnode.str(), "rancher_cnode", TermWriter().atom("version").take());
    CHECK(refused == 1);
    agent.beam.cnode->disconnect(cnode);
    run_until(agent.loop, "the end of all calls", [&] { return answered == 1'025; });
  }
}

TEST_CASE("a BEAM that restarts is found again, and its connections are made anew") {
  Running agent;
  agent.begin();
  agent.await_event("peer_connected");
  const auto listed = agent.lines->count("peer_connected");
  CHECK(listed <= 2);
  agent.beam.cnode->disconnect(*NodeName::parse("remsh-rancher_cnode@127.0.0.1"));
  agent.await_event("target_lost");
  run_until(agent.loop, "the peers once more", [&] { return agent.lines->count("peer_connected") == 4; });
}

TEST_CASE("a refresh reads the metadata again") {
  Running agent;
  agent.begin();
  agent.await_event("peer_connected");
  CHECK(agent.metadata.await_waits(1));
  const auto before = agent.metadata.count("self/service");
  agent.beam.request("remsh-rancher_cnode@127.0.0.1", "rancher_cnode", TermWriter().atom("refresh").take());
  run_until(agent.loop, "another read", [&] { return agent.metadata.count("self/service") > before; });
}

TEST_CASE(
    "the own address is asked of the metadata where it is not set, and one of no interface here is not "
    "taken") {
  Running agent;
  agent.metadata.put("self/container/primary_ip", "10.42.0.2");
  agent.config.ip.reset();
  agent.begin();
  agent.await_event("own_address_mismatched");  // no interface of this container has that address
  CHECK(agent.lines->count("listener_started") == 0);
}

TEST_CASE("without metadata the initial sync is not done, however long the BEAM is connected") {
  Running agent;
  agent.metadata.set_down(true);
  agent.config.once = Switch::on;
  agent.begin();
  agent.await_event("metadata_unavailable");
  run_until(agent.loop, "the first list", [&] { return !agent.calls.empty(); });
  run_for(agent.loop, Milliseconds(50));
  CHECK_FALSE(agent.ended());
  agent.metadata.set_down(false);
  CHECK(agent.result() == 0);
  CHECK(agent.called("connect_node"));
}

TEST_CASE("services are set by a request: what is added is read and dialled, what is removed is forgotten") {
  Running agent;
  const std::string cnode = "remsh-rancher_cnode@127.0.0.1";
  const auto list = [](TermWriter& writer, const std::vector<std::string>& services) {
    writer.list(services.size());
    for (const auto& service : services) {
      writer.binary(service);
    }
    return writer.nil().take();
  };
  const auto set = [&](const std::vector<std::string>& services) {
    TermWriter writer;
    return distribution::printed(
        *agent.beam.request(cnode, "rancher_cnode", list(writer.tuple(2).atom("set_services"), services)));
  };
  const std::string worker = "stacks/shop/services/worker";
  agent.metadata.put(worker, service_body("worker", {4}));
  agent.begin();
  run_until(agent.loop, "the peers", [&] { return agent.lines->count("peer_connected") == 2; });

  CHECK(set({"self/service", "stacks/Shop/services/worker=worker"}) == "ok");
  TermWriter writer;
  writer.tuple(3).atom("await").atom("infinity");
  const auto synced = agent.beam.request(cnode, "rancher_cnode", list(writer, {worker + "=worker"}));
  CHECK(distribution::printed(*synced) == "ok");
  CHECK(agent.called("{call,net_kernel,connect_node,[worker@10.42.0.4],user}"));
  CHECK(agent.lines->of("service_added") ==
        std::vector<std::string>{"event=service_added msg=\"its containers become peers\" service=\"" +
                                 worker + "=worker\""});

  CHECK(set({"self/service", worker + "=worker"}) == "ok");
  CHECK(agent.lines->count("service_added") == 1);
  CHECK(set({"a//b"}).starts_with("{error,<<\"--service 'a//b' must be a path"));
  TermWriter bad;
  bad.tuple(3).atom("await").atom("infinity");
  const auto refused = agent.beam.request(cnode, "rancher_cnode", list(bad, {"a//b"}));
  CHECK(distribution::printed(*refused).starts_with("{error,<<\"--service 'a//b' must be a path"));

  CHECK(set({worker + "=worker"}) == "ok");
  CHECK(agent.lines->count("service_removed") == 1);
  CHECK(agent.lines->count("peer_forgotten") == 2);
  CHECK(agent.lines->count("peer_departed") == 0);
  CHECK_FALSE(agent.called("disconnect"));
}

TEST_CASE("a suspicion is confirmed by a read of its own although the metadata is quiet") {
  Running agent;
  agent.config.services = {{"stacks/shop/services/web", ""}};
  agent.config.removal_delay = Milliseconds(100);
  agent.metadata.put(agent.config.services.front().path, service_body("web", {2, 3, 4}));
  agent.begin();
  agent.await_event("peer_connected");
  CHECK(agent.metadata.await_waits(1));
  agent.metadata.reload_with(agent.config.services.front().path, service_body("web", {2, 3}));
  agent.await_event("peer_held");
  agent.await_event("peer_departed");
}
