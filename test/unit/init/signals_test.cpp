// Which signals are taken, and which of them the command gets.
#include "init/signals.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

using namespace rancher_cnode;
using init::is_forwarded;
using init::Signals;

namespace {

/// The process of the case stands for the command.
class Handled {
 public:
  explicit Handled(int signal) : signal_(signal), former_(std::signal(signal, [](int) {})) {}
  ~Handled() { std::signal(signal_, former_); }
  Handled(const Handled&) = delete;
  Handled& operator=(const Handled&) = delete;

 private:
  int signal_;
  void (*former_)(int);
};

constexpr pid_t somebody = 1;

siginfo_t from(pid_t sender, int code, int signal) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = code;
  info.si_pid = sender;
  return info;
}

enum class Start { as_session_leader, as_job };

/// Whether a SIGCONT is forwarded by a process that was started so.
bool forwards_continuation(Start start) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setsid();
    const pid_t job = start == Start::as_job ? ::fork() : 0;
    if (job == 0) {
      if (start == Start::as_job) {
        ::setpgid(0, 0);
      }
      const bool forwarded = is_forwarded(from(somebody, SI_USER, SIGCONT), ::getpid());
      ::_exit(forwarded ? 1 : 0);
    }
    int status = 0;
    ::waitpid(job, &status, 0);
    ::_exit(WEXITSTATUS(status));
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status) == 1;
}

}  // namespace

TEST_CASE("signals that end a service are forwarded to a command without a handler, others are not") {
  const pid_t command = ::getpid();
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
    CAPTURE(signal);
    CHECK(is_forwarded(from(somebody, SI_USER, signal), command));
  }
  for (const int signal : {SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM, SIGPIPE, SIGIO, SIGRTMIN + 1, SIGRTMAX}) {
    CAPTURE(signal);
    CHECK_FALSE(is_forwarded(from(somebody, SI_USER, signal), command));
  }
}

TEST_CASE("a signal that the command handles is forwarded, by whatever call it was sent") {
  const pid_t command = ::getpid();
  for (const int signal : {SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM, SIGPIPE, SIGIO, SIGRTMIN + 1, SIGRTMAX}) {
    const Handled handled(signal);
    CAPTURE(signal);
    CHECK(is_forwarded(from(somebody, SI_USER, signal), command));
    CHECK(is_forwarded(from(somebody, SI_QUEUE, signal), command));
    CHECK(is_forwarded(from(somebody, SI_TKILL, signal), command));
    CHECK(is_forwarded(from(0, SI_USER, signal), command));  // a sender outside the container
  }
}

TEST_CASE("what a terminal sends is not forwarded, but that it is gone") {
  const pid_t command = ::getpid();
  for (const int signal : {SIGINT, SIGQUIT, SIGWINCH, SIGCONT}) {
    const Handled handled(signal);
    CAPTURE(signal);
    CHECK_FALSE(is_forwarded(from(0, SI_KERNEL, signal), command));
  }
  CHECK(is_forwarded(from(0, SI_KERNEL, SIGHUP), command));
}

TEST_CASE("a continuation is forwarded, unless a shell continues the whole job") {
  CHECK(forwards_continuation(Start::as_session_leader));
  CHECK_FALSE(forwards_continuation(Start::as_job));
}

TEST_CASE("what init causes itself, and ends of children, are not forwarded") {
  const Handled pipe(SIGPIPE);
  const Handled child(SIGCHLD);
  CHECK_FALSE(is_forwarded(from(::getpid(), SI_USER, SIGPIPE), ::getpid()));
  CHECK_FALSE(is_forwarded(from(somebody, CLD_EXITED, SIGCHLD), ::getpid()));
  CHECK_FALSE(is_forwarded(from(somebody, SI_USER, SIGCHLD), ::getpid()));
  CHECK_FALSE(is_forwarded(siginfo_t{}, ::getpid()));  // none came in time
}

TEST_CASE("where the handlers cannot be read, a signal is forwarded") {
  constexpr pid_t none_has_it = 0x7fffffff;
  CHECK(is_forwarded(from(somebody, SI_USER, SIGUSR2), none_has_it));
}

TEST_CASE("signals wait until they are taken, and arrive once the mask is restored") {
  std::array<int, 2> taken{};
  const pid_t child = ::fork();
  if (child == 0) {
    Signals signals;
    ::raise(SIGUSR1);
    ::raise(SIGRTMAX);
    const bool both = signals.wait(Milliseconds(1'000)).si_signo == SIGUSR1 &&
                      signals.wait().si_signo == SIGRTMAX && signals.wait(Milliseconds(1)).si_signo == 0;
    ::raise(SIGUSR2);
    if (both) {
      signals.restore();
    }
    ::_exit(1);
  }
  REQUIRE(::waitpid(child, taken.data(), 0) == child);
  CHECK(WIFSIGNALED(taken[0]));
  CHECK(WTERMSIG(taken[0]) == SIGUSR2);
}
