// The C-node that init::run starts beside the command.
#include <poll.h>

#include "unit/init/running_init.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::init::test;

namespace {

const std::vector<std::string> stays{"sleep", "60"};

std::int64_t time_of(const std::string& line) {
  return std::atoll(line.c_str() + line.find(" at ") + std::string_view(" at ").size());
}

bool has(const std::string& line, std::string_view text) { return line.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("the C-node runs beside the command and ends with it") {
  RunningInit init(stays, {.prepared = {.variables = {"CONTAINER_IP=10.42.0.7"}, .needs_cnode = true}});
  init.await_lines("started", 1);
  CHECK(has(init.lines("started")[0], " by --exit-on-eof address 10.42.0.7"));
  init.signal(SIGTERM);
  CHECK(init.status() == 143);
  CHECK_FALSE(runs(init.cnodes()[0]));
}

TEST_CASE("where none is needed, none is started") {
  RunningInit init(shell("sleep 0.3"), {.prepared = {.variables = {}, .needs_cnode = false}});
  CHECK(init.status() == 0);
  CHECK(init.lines("started").empty());
}

TEST_CASE("a C-node that dies is started again after growing delays, and each death is reported") {
  RunningInit init(stays, {.cnode_status = 3, .cnode_ends = 2});
  init.await_lines("started", 3);
  CHECK(init.lines("died") == std::vector<std::string>{"died 3 again in 1000", "died 3 again in 2000"});
  const auto starts = init.lines("started");
  CHECK(time_of(starts[1]) - time_of(starts[0]) >= 1'000);
  CHECK(time_of(starts[2]) - time_of(starts[1]) >= 2'000);
}

TEST_CASE("a C-node that is killed is started again") {
  RunningInit init(stays);
  init.await_lines("started", 1);
  ::kill(init.cnodes()[0], SIGKILL);
  init.await_lines("started", 2);
  CHECK(init.lines("died") == std::vector<std::string>{"died 137 again in 1000"});
  CHECK(has(init.lines("started")[1], " by --exit-on-eof"));
}

TEST_CASE("a C-node that exits with 0 is not started again") {
  RunningInit init(shell("sleep 1.5"), {.cnode_status = 0, .cnode_ends = 1});
  CHECK(init.status() == 0);
  CHECK(init.lines("started").size() == 1);
  CHECK(init.lines("died").empty());
}

TEST_CASE("the command's end is not delayed by a C-node that is about to be started again") {
  RunningInit init(stays, {.cnode_status = 3, .cnode_ends = 9});
  init.await_lines("died", 2);
  const TimePoint begin = Clock::now();
  init.signal(SIGTERM);
  CHECK(init.status() == 143);
  CHECK(Clock::now() - begin < Milliseconds(1'500));
}

TEST_CASE("a C-node that does not end when it is asked to is killed") {
  RunningInit init(stays);
  init.await_lines("started", 1);
  ::kill(init.cnodes()[0], SIGSTOP);
  init.signal(SIGTERM);
  CHECK(init.status() == 143);
  CHECK_FALSE(runs(init.cnodes()[0]));
}

TEST_CASE("the C-node ends when init is killed") {
  RunningInit init(stays);
  init.await_lines("started", 1);
  init.signal(SIGKILL);
  CHECK(init.status() == -SIGKILL);
  init.await_lines("standard input closed", 1);
}

TEST_CASE("a daemon that a successful command leaves gets a C-node of its own, and init ends") {
  RunningInit init(shell("sleep 60 & echo $!"));
  CHECK(init.status() == 0);
  const pid_t daemon = std::atoi(init.output().c_str());
  CHECK(runs(daemon));
  await("the C-node of the daemon", [&] {
    const auto starts = init.lines("started");
    return !starts.empty() && has(starts.back(), " by --exit-with-beam");
  });
  CHECK(runs(init.cnodes().back()));
  ::kill(daemon, SIGKILL);
}

TEST_CASE("a daemon that a failed command leaves gets none") {
  int life[2] = {-1, -1};  // of all that init started: each holds the writing end
  REQUIRE(::pipe(life) == 0);
  const FileDescriptor reader(life[0]);
  FileDescriptor writer(life[1]);
  RunningInit init(shell("sleep 60 & echo $!; exit 1"));
  writer.reset();
  CHECK(init.status() == 1);
  ::kill(std::atoi(init.output().c_str()), SIGKILL);
  pollfd ended{.fd = reader.get(), .events = 0, .revents = 0};
  CHECK(::poll(&ended, 1, static_cast<int>(long_enough.count())) == 1);
}

TEST_CASE("the C-node is in a session of its own, where no terminal reaches it") {
  RunningInit init(stays);
  init.await_lines("started", 1);
  const pid_t cnode = init.cnodes()[0];
  CHECK(::getsid(cnode) == cnode);
}
