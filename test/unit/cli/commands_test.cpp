// The commands `wait` and `ip`, against a real node and a real HTTP server on loopback.
#include <doctest/doctest.h>

#include <future>

#include "cli/commands/container_names.hpp"
#include "cli/commands/own_address.hpp"
#include "cli/commands/wait.hpp"
#include "rancher_cnode/status/status_server.hpp"
#include "status/snapshot_term.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/scripted_metadata.hpp"
#include "unit/cli/commanded.hpp"
#include "unit/distribution/nodes.hpp"
#include "unit/status/reports.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using namespace rancher_cnode::cli::test;
using distribution::GenCall;
using distribution::TermWriter;
using distribution::test::loopback;
using distribution::test::run_for;
using distribution::test::run_until;
using status::StatusServer;
using testing::ScriptedMetadata;

namespace {

/// A timeout that has to pass, in which a busy machine answers what is answered in milliseconds.
constexpr Milliseconds short_time{1'500};

Config reading(const ScriptedMetadata& metadata) {
  Config config;
  config.metadata_urls = {metadata.url()};
  config.metadata_version = "latest";
  config.services = {{"self/service", ""}};
  return config;
}

struct Waiting : CommandedContainer {
  Waiting() { config.node_basename = "myapp"; }
  ~Waiting() { stop_cnode(); }

  void serve() {
    server.emplace(timers, *cnode->cnode,
                   StatusServer::Source{.snapshot = {},
                                        .has_synced = [this] { return synced; },
                                        .have_synced = {},
                                        .readiness = [] { return "much"; },
                                        .refresh = {},
                                        .set_services = {},
                                        .events = {},
                                        .mesh = {},
                                        .version = ""});
  }
  void serve_with(std::function<void(const GenCall&)> answer) {
    cnode->cnode->add_process(StatusServer::process_name, {.call = std::move(answer), .cast = {}});
  }

  /// Waits on a thread, as the command does on its own.
  void begin(Milliseconds timeout) {
    running = std::async(std::launch::async, [this, timeout] {
      return cli::wait_for_initial_sync(config, timeout, silent_log());
    });
  }
  [[nodiscard]] bool ended() const { return running.wait_for(Milliseconds(0)) == std::future_status::ready; }
  Expected<void> result() {
    run_until(loop, "the end of the command", [this] { return ended(); });
    return running.get();
  }
  std::string reason(Milliseconds timeout) {
    begin(timeout);
    const auto failed = result();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == ErrorCode::timeout);
    return failed.error().message;
  }

  FakeTimers timers;
  bool synced = false;
  std::optional<StatusServer> server;
  std::future<Expected<void>> running;
};

}  // namespace

TEST_CASE("wait ends at once where the initial sync is done already") {
  Waiting waiting;
  waiting.start_cnode();
  waiting.serve();
  waiting.synced = true;
  waiting.begin(long_enough);
  CHECK(waiting.result());
}

TEST_CASE("wait ends once the initial sync is done, also without a time limit") {
  for (const auto timeout : {Milliseconds(0), long_enough}) {
    Waiting waiting;
    waiting.start_cnode();
    waiting.serve();
    waiting.begin(timeout);
    run_until(waiting.loop, "the request", [&] { return waiting.cnode->cnode->connection_count() == 1; });
    run_for(waiting.loop, Milliseconds(50));
    CHECK_FALSE(waiting.ended());
    waiting.synced = true;
    waiting.server->check_initial_sync();
    CHECK(waiting.result());
  }
}

TEST_CASE("wait retries until the C-node is there") {
  Waiting waiting;
  waiting.begin(long_enough);
  run_until(waiting.loop, "the first request", [&] { return waiting.epmd.requests.size() >= 2; });
  waiting.start_cnode();
  waiting.serve();
  waiting.synced = true;
  CHECK(waiting.result());
}

TEST_CASE("wait retries when the answer is not ok") {
  Waiting waiting;
  waiting.start_cnode();
  int asked = 0;
  waiting.serve_with([&](const GenCall& call) {
    ++asked;
    waiting.cnode->cnode->reply(call, TermWriter().atom(asked == 2 ? "ok" : "not_yet").bytes());
  });
  waiting.begin(long_enough);
  CHECK(waiting.result());
  CHECK(asked == 2);
}

TEST_CASE("at its timeout wait reports what is missing, as the C-node answers") {
  Waiting waiting;
  waiting.start_cnode();
  waiting.serve();
  CHECK(waiting.reason(short_time) ==
        "remsh-rancher_cnode@127.0.0.1: the initial sync is not done yet: much");
}

TEST_CASE("when the C-node is done at the timeout, wait succeeds") {
  Waiting waiting;
  waiting.start_cnode();
  waiting.serve_with([&](const GenCall& call) {
    if (distribution::printed(call.request) == "readiness") {
      waiting.cnode->cnode->reply(call, TermWriter().atom("ok").bytes());
    }
  });
  waiting.begin(short_time);
  CHECK(waiting.result());
}

TEST_CASE("a C-node that does not know the last question has not synced yet") {
  Waiting waiting;
  waiting.start_cnode();
  waiting.serve_with([&](const GenCall& call) {
    if (distribution::printed(call.request) == "readiness") {
      waiting.cnode->cnode->reply(call, TermWriter().atom("unknown").bytes());
    }
  });
  CHECK(waiting.reason(short_time) == "remsh-rancher_cnode@127.0.0.1: the initial sync is not done yet");
}

TEST_CASE("a C-node that is not there is reported with the reason") {
  Waiting waiting;
  const auto reason = waiting.reason(short_time);
  CHECK(reason.find("remsh-rancher_cnode@127.0.0.1: ") == 0);
  CHECK(reason.find("epmd") != std::string::npos);
  CHECK(reason.find("before that") == std::string::npos);  // the last question has the answer itself
}

TEST_CASE(
    "a C-node that answers nothing is reported a second after the time is over, with what came before") {
  Waiting mute;
  mute.start_cnode();
  mute.serve_with([](const GenCall&) {});
  const TimePoint begin = Clock::now();
  CHECK(mute.reason(short_time) == "remsh-rancher_cnode@127.0.0.1: does not answer");
  CHECK(Clock::now() - begin >= Milliseconds(1'300));

  Waiting mute_by_now;
  mute_by_now.start_cnode();
  bool answered = false;
  mute_by_now.serve_with([&](const GenCall& call) {
    if (!std::exchange(answered, true)) {
      mute_by_now.cnode->cnode->reply(call, TermWriter().atom("not_yet").bytes());
    }
  });
  CHECK(mute_by_now.reason(short_time) ==
        "remsh-rancher_cnode@127.0.0.1: does not answer; before that: the initial sync is not done yet");
}

TEST_CASE("wait asks at the address that needs no metadata, else waits for theirs as long as it may") {
  ScriptedMetadata metadata;
  Waiting waiting;
  waiting.config.ip.reset();
  waiting.config.metadata_urls = {metadata.url()};
  waiting.config.metadata_version = "latest";
  waiting.config.services = {{"self/service", ""}};
  const auto without = cli::address_without_metadata(waiting.config);
  const auto reason = waiting.reason(short_time);
  CHECK(reason.find(without ? "remsh-rancher_cnode@" + without->to_string() + ": "
                            : "no address of this container from the metadata service in time: ") == 0);
}

TEST_CASE("where the metadata does not return an address in time, the reason says so") {
  ScriptedMetadata metadata;
  const Config config = reading(metadata);
  const auto address = cli::own_address(config, short_time, silent_log());
  REQUIRE_FALSE(address);
  CHECK(address.error().message.find("no address of this container from the metadata service in time: ") ==
        0);
}

// That it returns one of an interface here is shown in commands_SUITE: a unit has loopback only.
TEST_CASE("ip does not return an address that no interface of this container has, and reports it") {
  ScriptedMetadata metadata;
  metadata.put("self/container/primary_ip", "10.42.0.7");
  const Config config = reading(metadata);
  const auto address = cli::own_address(config, short_time, silent_log());
  REQUIRE_FALSE(address);
  CHECK(address.error().code == ErrorCode::timeout);
  CHECK(address.error().message.find("10.42.0.7") != std::string::npos);
}

TEST_CASE("ip gives up when its time is over, with the last reason") {
  ScriptedMetadata metadata;
  const Config config = reading(metadata);
  const auto nothing = cli::own_address(config, short_time, silent_log());
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().code == ErrorCode::timeout);
  CHECK(nothing.error().message.find("404") != std::string::npos);

  metadata.put("self/service", testing::service_body("web", {1}));
  const auto no_address = cli::own_address(config, short_time, silent_log());
  REQUIRE_FALSE(no_address);
  CHECK(no_address.error().message ==
        "no address of this container from the metadata service in time: " + metadata.url() +
            " returns the service, but no address of this container (yet)");
}

TEST_CASE(
    "wait for connections ends when no dialable peer is missing, and at its timeout names one that is") {
  Waiting waiting;
  waiting.start_cnode();
  auto snapshot = status::test::snapshot_with({status::test::waiting_peer("myapp@10.42.0.3")}, 0);
  waiting.serve_with(
      [&](const GenCall& call) { waiting.cnode->cnode->reply(call, status::status_term(snapshot)); });
  const auto begin = [&](Milliseconds timeout) {
    waiting.running = std::async(std::launch::async, [&waiting, timeout] {
      return cli::wait_for_peers(waiting.config, timeout, silent_log());
    });
  };
  // The last question has a second, however little of the time is left.
  for (const auto timeout : {short_time, Milliseconds(1)}) {
    begin(timeout);
    const auto failed = waiting.result();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == ErrorCode::timeout);
    CHECK(failed.error().message.find(
              "INCOMPLETE, 0 of 1 dialable peers connected; missing myapp@10.42.0.3") == 0);
  }
  begin(long_enough);
  run_for(waiting.loop, Milliseconds(400));
  CHECK_FALSE(waiting.ended());
  snapshot = status::test::snapshot_with({status::test::connected_peer("myapp@10.42.0.3")}, 1);
  CHECK(waiting.result());
}
