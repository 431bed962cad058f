// The commands `status` and `check`: their flags, and what they get from a real node on loopback.
#include "cli/commands/status.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <future>

#include "cli/command_line.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"
#include "rancher_cnode/status/status_server.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/terminal.hpp"
#include "unit/cli/commanded.hpp"
#include "unit/cli/invoke.hpp"
#include "unit/distribution/nodes.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using namespace rancher_cnode::cli::test;
using distribution::GenCall;
using distribution::TermWriter;
using distribution::test::loopback;
using distribution::test::run_until;
using status::Colour;
using status::StatusServer;
using testing::Terminal;

namespace {

struct AskedForStatus : CommandedContainer {
  ~AskedForStatus() { stop_cnode(); }
  Expected<status::Report> report(Milliseconds timeout) {
    auto running =
        std::async(std::launch::async, [&] { return cli::container_report(config, timeout, silent_log()); });
    run_until(loop, "the end of the command",
              [&] { return running.wait_for(Milliseconds(0)) == std::future_status::ready; });
    return running.get();
  }

  FakeTimers timers;
};

}  // namespace

TEST_CASE("status has a format and a timeout of a second") {
  const auto invocation = invoke({"status"});
  CHECK(invocation.command == "status");
  CHECK(invocation.options.text("--format") == "table");
  CHECK(invocation.options.duration("--timeout") == Milliseconds(1'000));
  CHECK(invoke({"status", "--format", "json"}).options.text("--format") == "json");
  CHECK(invoke({"status", "--format=prometheus"}).options.text("--format") == "prometheus");
  CHECK(invoke({"status", "--format=erlang", "--timeout=50"}).options.duration("--timeout") ==
        Milliseconds(50));
  CHECK(invoke({"status", "--format=xml"}).output ==
        "rancher_cnode: bad setting: --format 'xml' must be one of table|json|prometheus|erlang\n");
  CHECK(invoke({"status", "--format"}).status == 2);
  CHECK(invoke({"wait", "--format=json"}).status == 2);
  CHECK(invoke({"status", "--min=1"}).status == 2);
}

TEST_CASE("status can watch, at an interval") {
  CHECK_FALSE(invoke({"status"}).options.has("--watch"));
  CHECK(invoke({"status", "--watch"}).options.duration("--watch") == Milliseconds(2'000));
  CHECK(invoke({"status", "--watch", "--format=json"}).options.duration("--watch") == Milliseconds(2'000));
  CHECK(invoke({"status", "--watch", "500ms"}).options.duration("--watch") == Milliseconds(500));
  CHECK(invoke({"status", "--watch=1m"}).options.duration("--watch") == Milliseconds(60'000));
  CHECK(invoke({"status", "--watch=99"}).status == 2);
  CHECK(invoke({"status", "--watch", "off"}).status == 2);
}

TEST_CASE("check has demands") {
  const auto plain = invoke({"check"});
  CHECK(plain.command == "check");
  CHECK_FALSE(plain.options.has("--expect"));
  CHECK_FALSE(plain.options.has("--min"));
  CHECK_FALSE(plain.options.has("--max-metadata-age"));
  const auto all = invoke({"check", "--expect=3", "--min", "2", "--max-metadata-age=60000"});
  CHECK(all.options.number("--expect") == 3);
  CHECK(all.options.number("--min") == 2);
  CHECK(all.options.duration("--max-metadata-age") == Milliseconds(60'000));
  for (const auto* bad : {"--expect=-1", "--min=x", "--max-metadata-age=86400001", "--min="}) {
    CAPTURE(bad);
    CHECK(invoke({"check", bad}).status == 2);
  }
}

TEST_CASE("the report is what the C-node answers") {
  AskedForStatus asked;
  asked.start_cnode();
  const StatusServer server(asked.timers, *asked.cnode->cnode,
                            StatusServer::Source{.snapshot =
                                                     [&] {
                                                       return status::Snapshot{
                                                           .now = {},
                                                           .started = {},
                                                           .node = asked.cnode->cnode->name(),
                                                           .program_version = "1.2.3",
                                                           .node_counters = {},
                                                           .metadata = {},
                                                           .member_views = {},
                                                           .targets = {}};
                                                     },
                                                 .has_synced = {},
                                                 .have_synced = {},
                                                 .readiness = {},
                                                 .refresh = {},
                                                 .set_services = {},
                                                 .events = {},
                                                 .mesh = {},
                                                 .version = ""});
  const auto report = asked.report(long_enough);
  REQUIRE(report);
  CHECK(report->node == "remsh-rancher_cnode@127.0.0.1");
  CHECK(report->version == "1.2.3");
}

TEST_CASE("without a C-node the reason comes at once, and without an answer at the timeout") {
  AskedForStatus asked;
  const auto absent = asked.report(long_enough);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().message.find("remsh-rancher_cnode@127.0.0.1: ") == 0);

  AskedForStatus mute;
  mute.start_cnode();
  mute.cnode->cnode->add_process(StatusServer::process_name, {.call = [](const GenCall&) {}, .cast = {}});
  const auto silent = mute.report(Milliseconds(300));
  REQUIRE_FALSE(silent);
  CHECK(silent.error().code == ErrorCode::timeout);
}

TEST_CASE("an answer that is no status is reported as such") {
  AskedForStatus asked;
  asked.start_cnode();
  asked.cnode->cnode->add_process(
      StatusServer::process_name,
      {.call = [&](const GenCall& call) { asked.cnode->cnode->reply(call, TermWriter().atom("no").bytes()); },
       .cast = {}});
  const auto report = asked.report(long_enough);
  REQUIRE_FALSE(report);
  CHECK(report.error().message ==
        "remsh-rancher_cnode@127.0.0.1: the answer is not a status: it is not a map: no");
}

TEST_CASE("a table has colours on a terminal, unless they are not wanted") {
  const Terminal terminal;
  const auto colour = [&](int descriptor, const Environment::Variables& variables) {
    return cli::table_style(descriptor, Environment(variables)).colour;
  };
  CHECK(colour(terminal.program.get(), {}) == Colour::on);
  CHECK(colour(terminal.program.get(), {{"NO_COLOR", ""}}) == Colour::on);
  CHECK(colour(terminal.program.get(), {{"NO_COLOR", "1"}}) == Colour::off);
  CHECK(colour(terminal.program.get(), {{"TERM", "dumb"}}) == Colour::off);
  const FileDescriptor file(::open("/dev/null", O_WRONLY));
  CHECK(colour(file.get(), {{"TERM", "xterm"}}) == Colour::off);
}

TEST_CASE("a table is as wide as $COLUMNS, else as the terminal, else as it needs") {
  const Terminal terminal;
  const FileDescriptor file(::open("/dev/null", O_WRONLY));
  const auto width = [](int descriptor, const Environment::Variables& variables) {
    return cli::table_style(descriptor, Environment(variables)).width;
  };
  CHECK(width(terminal.program.get(), {}) == 72);
  CHECK(width(terminal.program.get(), {{"COLUMNS", "40"}}) == 40);
  CHECK(width(terminal.program.get(), {{"COLUMNS", "wide"}}) == 72);
  CHECK(width(file.get(), {{"COLUMNS", "40"}}) == 40);
  CHECK(width(file.get(), {}) == status::TableStyle().width);
}

TEST_CASE("each verdict has its own exit status") {
  using Kind = status::Verdict::Kind;
  const auto of = [](Kind kind) {
    status::Verdict verdict;
    verdict.kind = kind;
    return cli::status_of(verdict);
  };
  CHECK(of(Kind::whole) == 0);
  CHECK(of(Kind::incomplete) == 3);
  CHECK(of(Kind::not_driving) == 4);
}
