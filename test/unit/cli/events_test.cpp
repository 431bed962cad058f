// The command `events`: its flags, and what it prints of a real node on loopback.
#include "cli/commands/events.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <streambuf>
#include <string>

#include "cli/command_line.hpp"
#include "rancher_cnode/status/status_server.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/log_lines.hpp"
#include "unit/cli/commanded.hpp"
#include "unit/distribution/nodes.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using namespace rancher_cnode::cli::test;
using cli::Follow;
using distribution::test::loopback;
using distribution::test::run_until;
using status::StatusServer;

namespace {

/// Takes the place of a standard stream, until it is closed.
class Captured final : public std::streambuf {
 public:
  explicit Captured(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(this)) {}
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  ~Captured() override {
    stream_.rdbuf(before_);
    stream_.clear();
  }

  [[nodiscard]] std::string text() const {
    const std::scoped_lock lock(mutex_);
    return text_;
  }
  [[nodiscard]] bool holds(const std::string& part) const { return text().find(part) != std::string::npos; }
  void close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }

 private:
  int overflow(int c) override {
    const char byte = static_cast<char>(c);
    return xsputn(&byte, 1) == 1 ? c : traits_type::eof();
  }
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    const std::scoped_lock lock(mutex_);
    text_.append(text, static_cast<std::size_t>(size));
    return closed_ ? 0 : size;
  }
  int sync() override {
    const std::scoped_lock lock(mutex_);
    return closed_ ? -1 : 0;
  }

  std::ostream& stream_;
  std::streambuf* before_;
  mutable std::mutex mutex_;
  std::string text_;
  bool closed_ = false;
};

struct AskedForEvents : CommandedContainer {
  AskedForEvents() { begin_log(); }
  ~AskedForEvents() { end_cnode(); }

  /// Another instance, as in another process.
  void begin_log() {
    const auto before = log ? log->recent(0, 1).instance : 0;
    do {
      log.emplace(LogLevel::error, LogFormat::text, std::make_shared<LogLines>());
    } while (log->recent(0, 1).instance == before);
  }
  void serve_events() {
    start_cnode();
    server.emplace(
        timers, *cnode->cnode,
        StatusServer::Source{.snapshot = {},
                             .has_synced = {},
                             .have_synced = {},
                             .readiness = {},
                             .refresh = {},
                             .set_services = {},
                             .events = [this](std::uint64_t after_id,
                                              std::size_t limit) { return log->recent(after_id, limit); },
                             .mesh = {},
                             .version = ""});
  }
  void end_cnode() {
    stop_cnode();
    server.reset();
    cnode.reset();
  }
  void begin(const cli::EventsWanted& wanted) {
    running = std::async(std::launch::async, [this, wanted] { return cli::print_events(config, wanted); });
  }
  int status() {
    run_until(loop, "the end of the command",
              [&] { return running.wait_for(Milliseconds(0)) == std::future_status::ready; });
    return running.get();
  }
  void until(const Captured& stream, const std::string& part) {
    run_until(loop, "the output", [&] { return stream.holds(part); });
  }

  FakeTimers timers;
  std::optional<Log> log;
  std::optional<StatusServer> server;
  Captured out{std::cout};
  Captured err{std::cerr};
  std::future<int> running;
};

int line_count(const std::string& text) { return static_cast<int>(std::ranges::count(text, '\n')); }

}  // namespace

TEST_CASE("events prints what the C-node remembers, as lines of the log") {
  AskedForEvents asked;
  asked.serve_events();
  asked.log->warning("peer_lost", "closed", {{"peer", "a@10.42.0.1"}});
  asked.log->info("peer_connected", "", {{"peer", "a@10.42.0.1"}, {"took_ms", 5}});
  asked.begin({.since = {}, .timeout = long_enough});
  CHECK(asked.status() == 0);
  CHECK(asked.out.holds("Z warning event=peer_lost msg=\"closed\" peer=a@10.42.0.1\n"));
  CHECK(asked.out.holds("Z info event=peer_connected peer=a@10.42.0.1 took_ms=5\n"));
  CHECK(line_count(asked.out.text()) == 2);
  CHECK(asked.err.text().empty());
}

TEST_CASE("with --peer the events about that peer are printed, and no others") {
  AskedForEvents asked;
  asked.serve_events();
  asked.log->warning("peer_lost", "closed", {{"peer", "a@10.42.0.1"}});
  asked.log->warning("peer_lost", "closed", {{"peer", "a@10.42.0.11"}});
  asked.log->info("reload_requested", "");
  asked.begin({.since = {}, .peer = "a@10.42.0.1", .timeout = long_enough});
  CHECK(asked.status() == 0);
  CHECK(line_count(asked.out.text()) == 1);
  CHECK(asked.out.holds("peer=a@10.42.0.1\n"));
}

TEST_CASE("as JSON the events have the format of the log") {
  AskedForEvents asked;
  asked.serve_events();
  asked.log->warning("peer_lost", "closed", {{"peer", "a@10.42.0.1"}});
  asked.begin({.since = {}, .format = LogFormat::json, .timeout = long_enough});
  CHECK(asked.status() == 0);
  CHECK(asked.out.holds(R"("level":"warning","event":"peer_lost","message":"closed","peer":"a@10.42.0.1"})"));
}

TEST_CASE("events older than --since are not printed") {
  AskedForEvents asked;
  asked.serve_events();
  asked.log->info("peer_connected", "");
  asked.begin({.since = std::chrono::hours(-1), .timeout = long_enough});
  CHECK(asked.status() == 0);
  CHECK(asked.out.text().empty());
  asked.begin({.since = std::chrono::hours(1), .timeout = long_enough});
  CHECK(asked.status() == 0);
  CHECK(line_count(asked.out.text()) == 1);
}

TEST_CASE("more events than fit into one answer are all printed, each once") {
  AskedForEvents asked;
  asked.serve_events();
  for (int i = 0; i < 500; ++i) {
    asked.log->info("peer_listed", "", {{"peer", std::to_string(i)}});
  }
  for (int i = 0; i < 1'000; ++i) {
    asked.log->info("metadata_available", "", {{"number", i}});
  }
  asked.begin({.since = {}, .timeout = long_enough});
  CHECK(asked.status() == 0);
  CHECK(line_count(asked.out.text()) == 1'500);
  CHECK(asked.out.holds("event=metadata_available number=999\n"));
}

TEST_CASE("without a C-node events ends with status 1 and one line that says why, also with --follow") {
  for (const auto follow : {Follow::off, Follow::on}) {
    AskedForEvents asked;
    asked.begin({.since = {}, .follow = follow, .timeout = long_enough});
    CHECK(asked.status() == 1);
    CHECK(asked.out.text().empty());
    CHECK(asked.err.text().starts_with("remsh-rancher_cnode@127.0.0.1: "));
    CHECK(line_count(asked.err.text()) == 1);
  }
}

TEST_CASE("with --follow further events are printed as they come, each once, until the output is closed") {
  AskedForEvents asked;
  asked.serve_events();
  asked.log->info("peer_listed", "first");
  asked.begin({.since = {}, .follow = Follow::on, .timeout = long_enough});
  asked.until(asked.out, "first");
  asked.log->info("peer_listed", "second");
  asked.until(asked.out, "second");
  CHECK(line_count(asked.out.text()) == 2);
  asked.out.close();
  asked.log->info("peer_listed", "third");
  CHECK(asked.status() == 0);
}

TEST_CASE("with --follow a restart of the C-node is reported in one line, and its events follow") {
  AskedForEvents asked;
  asked.serve_events();
  asked.log->info("peer_listed", "before");
  asked.log->info("peer_listed", "before too");
  asked.begin({.since = {}, .follow = Follow::on, .timeout = long_enough});
  asked.until(asked.out, "before too");
  asked.end_cnode();
  asked.until(asked.err, "waiting for it\n");
  asked.begin_log();
  asked.log->info("peer_listed", "after");
  asked.serve_events();
  asked.until(asked.out, "after");
  CHECK(line_count(asked.out.text()) == 3);
  CHECK(line_count(asked.err.text()) == 1);
  asked.out.close();
  CHECK(asked.status() == 0);
}

TEST_CASE("with --follow a restart that no request met is reported as well") {
  AskedForEvents asked;
  asked.serve_events();
  asked.log->info("peer_listed", "before");
  asked.begin({.since = {}, .follow = Follow::on, .timeout = long_enough});
  asked.until(asked.out, "before");
  asked.begin_log();
  asked.log->info("peer_listed", "after");
  asked.until(asked.out, "after");
  CHECK(asked.err.text() == "the C-node has started again\n");
  asked.out.close();
  CHECK(asked.status() == 0);
}

TEST_CASE("events has an age, a format and a timeout of a second") {
  const auto invoke = [](std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "rancher_cnode");
    return cli::parse_command_line(static_cast<int>(arguments.size()), arguments.data(),
                                   config::Environment(config::Environment::Variables{}));
  };
  const auto plain = invoke({"events"});
  CHECK(plain.command == "events");
  CHECK_FALSE(plain.options.has("--since"));
  CHECK_FALSE(plain.options.has("--follow"));
  CHECK(plain.options.text("--format") == "text");
  CHECK(plain.options.duration("--timeout") == Milliseconds(1'000));
  const auto all = invoke({"events", "--since", "8h", "--follow", "--format=json"});
  CHECK(all.options.duration("--since") == std::chrono::hours(8));
  CHECK(all.options.has("--follow"));
  CHECK(all.options.text("--format") == "json");
  CHECK(invoke({"events", "--peer", "a@10.42.0.1"}).options.text("--peer") == "a@10.42.0.1");
  CHECK(invoke({"events", "--format=xml"}).status == 2);
}
