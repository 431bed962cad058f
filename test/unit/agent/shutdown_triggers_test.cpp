// What ends the program from outside: signals, the watched process, standard input.
#include "agent/shutdown_triggers.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/core/file_descriptor.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;
using agent::Processes;
using agent::ShutdownTriggers;
using distribution::test::raw_pair;
using distribution::test::run_for;
using distribution::test::run_until;

namespace {

constexpr Milliseconds a_while{30};

struct Watching {
  explicit Watching(Processes processes = {})
      : shutdown_triggers(std::make_shared<ShutdownTriggers>(
            loop, timers, [this](const std::string& reason) { reasons.push_back(reason); },
            std::move(processes))) {}
  ~Watching() {
    shutdown_triggers->stop();
    run_for(loop, Milliseconds(1));
  }

  std::string reason() {
    run_until(loop, "the end", [this] { return !reasons.empty(); });
    return reasons.front();
  }
  bool goes_on() {
    run_for(loop, a_while);
    return reasons.empty();
  }

  boost::asio::io_context loop;
  FakeTimers timers;
  std::vector<std::string> reasons;
  std::shared_ptr<ShutdownTriggers> shutdown_triggers;
};

/// What a signal does meanwhile.
class Disposition {
 public:
  Disposition(int signal, void (*handler)(int)) : signal_(signal), before_(::signal(signal, handler)) {}
  ~Disposition() { ::signal(signal_, before_); }
  Disposition(const Disposition&) = delete;
  Disposition& operator=(const Disposition&) = delete;

 private:
  int signal_;
  void (*before_)(int);
};

/// A process that waits until it is killed.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) {
        ::pause();
      }
    }
    REQUIRE(pid_ > 0);
  }
  ~Child() { reap(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill() const { ::kill(pid_, SIGKILL); }
  void reap() {
    if (!std::exchange(reaped_, true)) {
      kill();
      ::waitpid(pid_, nullptr, 0);
    }
  }

 private:
  pid_t pid_;
  bool reaped_ = false;
};

std::string end_of(pid_t pid) { return "the watched process " + std::to_string(pid) + " has ended"; }

/// A kernel without pidfd; what it reports of every process.
Processes without_pidfd(std::function<std::optional<ProcessStat>(pid_t)> stat = process_stat) {
  return {.pidfd = [](pid_t) { return FileDescriptor(); }, .stat = std::move(stat)};
}

/// Epolls in epolls, as deep as the kernel allows: the last of them no further epoll can wait for (ELOOP).
std::vector<FileDescriptor> nested_epolls() {
  std::vector<FileDescriptor> epolls;
  epoll_event readable{.events = EPOLLIN, .data = {}};
  for (;;) {
    FileDescriptor outer(::epoll_create1(EPOLL_CLOEXEC));
    if (!epolls.empty() && ::epoll_ctl(outer.get(), EPOLL_CTL_ADD, epolls.back().get(), &readable) != 0) {
      return epolls;
    }
    epolls.push_back(std::move(outer));
  }
}

/// Another descriptor is standard input meanwhile; the default is none at all.
class StandardInput {
 public:
  explicit StandardInput(const FileDescriptor& other = FileDescriptor()) : before_(::dup(STDIN_FILENO)) {
    if (other.get() >= 0) {
      ::dup2(other.get(), STDIN_FILENO);
    } else {
      ::close(STDIN_FILENO);
    }
  }
  ~StandardInput() {
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
  }
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;

 private:
  int before_;
};

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    reader = FileDescriptor(ends[0]);
    writer = FileDescriptor(ends[1]);
  }
  FileDescriptor reader;
  FileDescriptor writer;
};

}  // namespace

TEST_CASE("each of the three signals is a shutdown trigger and is named") {
  for (const auto& [signal, named] :
       {std::pair{SIGTERM, "SIGTERM"}, std::pair{SIGINT, "SIGINT"}, std::pair{SIGHUP, "SIGHUP"}}) {
    CAPTURE(named);
    const Disposition by_default(signal, SIG_DFL);
    Watching watching;
    watching.shutdown_triggers->watch_signals();
    ::raise(signal);
    CHECK(watching.reason() == named);
  }
}

TEST_CASE("an interrupt or a hang-up that was ignored at the start stays ignored") {
  for (const int signal : {SIGINT, SIGHUP}) {
    const Disposition ignored(signal, SIG_IGN);
    Watching watching;
    watching.shutdown_triggers->watch_signals();
    ::raise(signal);
    CHECK(watching.goes_on());
    ::raise(SIGTERM);
    CHECK(watching.reason() == "SIGTERM");
  }
}

TEST_CASE("a termination signal that was ignored at the start is a trigger all the same") {
  const Disposition ignored(SIGTERM, SIG_IGN);
  Watching watching;
  watching.shutdown_triggers->watch_signals();
  ::raise(SIGTERM);
  CHECK(watching.reason() == "SIGTERM");
}

TEST_CASE("the end of a watched process is noticed, before anybody asks for its status") {
  Child child;
  Watching watching;
  watching.shutdown_triggers->watch_process(child.pid());
  CHECK(watching.goes_on());
  child.kill();
  CHECK(watching.reason() == end_of(child.pid()));
}

TEST_CASE("a process that does not exist has ended, with pidfd or without") {
  Child child;
  child.reap();
  Watching with_pidfd;
  with_pidfd.shutdown_triggers->watch_process(child.pid());
  CHECK(with_pidfd.reason() == end_of(child.pid()));
  Watching without(without_pidfd());
  without.shutdown_triggers->watch_process(child.pid());
  CHECK(without.reasons == std::vector{end_of(child.pid())});
}

TEST_CASE("without pidfd the process is checked twice a second, until it has ended") {
  Child child;
  Watching watching(without_pidfd());
  watching.shutdown_triggers->watch_process(child.pid());
  watching.timers.advance(Milliseconds(10'000));
  CHECK(watching.reasons.empty());
  child.reap();
  watching.timers.advance(Milliseconds(499));
  CHECK(watching.reasons.empty());
  watching.timers.advance(Milliseconds(1));
  CHECK(watching.reasons == std::vector{end_of(child.pid())});
  watching.timers.advance(Milliseconds(10'000));
  CHECK(watching.reasons.size() == 1);
}

TEST_CASE("without pidfd a zombie has ended") {
  const pid_t self = ::getpid();
  ProcessStat stat{.state = 'S', .start = 1};
  Watching watching(without_pidfd([&](pid_t) { return stat; }));
  watching.shutdown_triggers->watch_process(self);
  CHECK(watching.reasons.empty());
  stat.state = 'Z';
  watching.timers.advance(Milliseconds(500));
  CHECK(watching.reasons == std::vector{end_of(self)});
}

TEST_CASE("without pidfd a process that got the number of the watched one is not taken for it") {
  const pid_t self = ::getpid();
  ProcessStat stat{.state = 'S', .start = 1};
  Watching watching(without_pidfd([&](pid_t) { return stat; }));
  watching.shutdown_triggers->watch_process(self);
  stat.state = 'R';
  watching.timers.advance(Milliseconds(1'000));
  CHECK(watching.reasons.empty());
  stat.start = 2;
  watching.timers.advance(Milliseconds(500));
  CHECK(watching.reasons == std::vector{end_of(self)});
}

TEST_CASE("without pidfd and /proc a process that exists has not ended") {
  Watching watching(without_pidfd([](pid_t) { return std::nullopt; }));
  watching.shutdown_triggers->watch_process(::getpid());
  watching.timers.advance(Milliseconds(10'000));
  CHECK(watching.reasons.empty());
}

TEST_CASE("a pidfd that the loop cannot wait for is closed, and the process is polled instead") {
  Child child;
  auto epolls = nested_epolls();
  const int refused = epolls.back().release();
  Watching watching({.pidfd = [&](pid_t) { return FileDescriptor(refused); }, .stat = process_stat});
  watching.shutdown_triggers->watch_process(child.pid());
  CHECK(::fcntl(refused, F_GETFD) == -1);
  CHECK(watching.goes_on());
  child.reap();
  watching.timers.advance(Milliseconds(500));
  CHECK(watching.reasons == std::vector{end_of(child.pid())});
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
  watching.shutdown_triggers->watch_signals();
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
