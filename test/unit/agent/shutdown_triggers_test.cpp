// What ends the program from outside: signals and standard input.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "triggers.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using agent::ShutdownTriggers;
using distribution::test::raw_pair;

TEST_CASE("a termination and an interrupt are shutdown triggers and are named") {
  for (const auto& [signal, named] : {std::pair{SIGTERM, "SIGTERM"}, std::pair{SIGINT, "SIGINT"}}) {
    CAPTURE(named);
    const Disposition by_default(signal, SIG_DFL);
    Watching watching;
    watching.shutdown_triggers->watch_signals({});
    ::raise(signal);
    CHECK(watching.reason() == named);
  }
}

TEST_CASE("an interrupt or a hang-up that was ignored at the start stays ignored") {
  for (const int signal : {SIGINT, SIGHUP}) {
    const Disposition ignored(signal, SIG_IGN);
    Watching watching;
    watching.shutdown_triggers->watch_signals({});
    ::raise(signal);
    CHECK(watching.goes_on());
    ::raise(SIGTERM);
    CHECK(watching.reason() == "SIGTERM");
  }
}

TEST_CASE("a hang-up asks for a reload and SIGUSR1 for the status, each time, and neither ends the program") {
  const Disposition hang_up(SIGHUP, SIG_DFL);
  const Disposition user(SIGUSR1, SIG_DFL);
  Watching watching;
  std::string asked;
  watching.shutdown_triggers->watch_signals(
      {.reload = [&] { asked += "reload "; }, .report_status = [&] { asked += "status "; }});
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR1, SIGHUP}) {
    ::raise(signal);
    CHECK(watching.goes_on());
  }
  CHECK(asked == "reload status status reload ");
}

TEST_CASE("a termination signal that was ignored at the start is a trigger all the same") {
  const Disposition ignored(SIGTERM, SIG_IGN);
  Watching watching;
  watching.shutdown_triggers->watch_signals({});
  ::raise(SIGTERM);
  CHECK(watching.reason() == "SIGTERM");
}

TEST_CASE(
    "standard input ends when the other end of a pipe or of a connection closes, whatever was written "
    "before") {
  Pipe pipe;
  {
    const StandardInput input(pipe.reader);
    Watching watching;
    watching.shutdown_triggers->watch_standard_input();
    CHECK(::write(pipe.writer.get(), "data", 4) == 4);
    CHECK(watching.goes_on());
    pipe.writer = FileDescriptor();
    CHECK(watching.reason() == "standard input has closed");
  }
  char left[8];
  CHECK(::read(pipe.reader.get(), left, sizeof left) == 4);  // nothing of it was taken

  auto [near, far] = raw_pair();
  const StandardInput input(near);
  Watching watching;
  watching.shutdown_triggers->watch_standard_input();
  CHECK(::write(far.get(), "data", 4) == 4);
  CHECK(watching.goes_on());
  ::shutdown(far.get(), SHUT_WR);
  CHECK(watching.reason() == "standard input has closed");
}

TEST_CASE("standard input's flags stay as they are") {
  const Pipe pipe;
  const StandardInput input(pipe.reader);
  const int before = ::fcntl(STDIN_FILENO, F_GETFL);
  Watching watching;
  watching.shutdown_triggers->watch_standard_input();
  CHECK(watching.goes_on());
  CHECK(::fcntl(STDIN_FILENO, F_GETFL) == before);
}

TEST_CASE("a terminal as standard input ends when it is hung up") {
  FileDescriptor terminal(::posix_openpt(O_RDWR | O_NOCTTY));
  REQUIRE(::grantpt(terminal.get()) == 0);
  REQUIRE(::unlockpt(terminal.get()) == 0);
  const FileDescriptor side(::open(::ptsname(terminal.get()), O_RDWR | O_NOCTTY));
  const StandardInput input(side);
  Watching watching;
  watching.shutdown_triggers->watch_standard_input();
  CHECK(watching.goes_on());
  terminal = FileDescriptor();
  CHECK(watching.reason() == "standard input has closed");
}

TEST_CASE("standard input that cannot be waited for has ended") {
  const FileDescriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const FileDescriptor file(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  for (const auto* const descriptor : {&null, &file}) {
    const StandardInput input(*descriptor);
    Watching watching;
    watching.shutdown_triggers->watch_standard_input();
    CHECK(watching.reasons == std::vector<std::string>{"standard input cannot be waited for"});
  }
  Watching watching;
  const StandardInput none;
  watching.shutdown_triggers->watch_standard_input();
  CHECK(watching.reasons == std::vector<std::string>{"standard input cannot be waited for"});
}

TEST_CASE("after stop no trigger is reported") {
  Child child;
  Pipe pipe;
  const StandardInput input(pipe.reader);
  const Disposition ignored(SIGTERM, SIG_IGN);
  Watching watching;
  watching.shutdown_triggers->watch_signals({});
  watching.shutdown_triggers->watch_process(child.pid());
  watching.shutdown_triggers->watch_standard_input();
  Watching looking(without_pidfd());
  looking.shutdown_triggers->watch_process(child.pid());
  watching.shutdown_triggers->stop();
  looking.shutdown_triggers->stop();
  watching.loop.poll();
  CHECK(watching.loop.stopped());  // nothing is waited for any more
  CHECK(looking.timers.idle());
  child.reap();
  pipe.writer = FileDescriptor();
  CHECK(watching.goes_on());
  CHECK(looking.reasons.empty());
}

TEST_CASE("the handler of a trigger may call stop at once") {
  Child child;
  child.reap();
  boost::asio::io_context loop;
  FakeTimers timers;
  std::shared_ptr<ShutdownTriggers> shutdown_triggers;
  int heard = 0;
  auto owned = std::make_shared<int>();
  const std::weak_ptr<int> still_owned = owned;
  shutdown_triggers =
      std::make_shared<ShutdownTriggers>(loop, timers, [&, owned = std::move(owned)](const std::string&) {
        ++heard;
        shutdown_triggers->stop();
        CHECK_FALSE(still_owned.expired());  // what runs is not destroyed meanwhile
      });
  shutdown_triggers->watch_process(child.pid());
  shutdown_triggers->watch_process(child.pid());
  CHECK(heard == 1);
}
