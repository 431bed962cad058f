#include "rancher_cnode/init/init.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <thread>

#include "init/prepared_text.hpp"
#include "init/signals.hpp"
#include "rancher_cnode/core/backoff.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode::init {
namespace {

constexpr Milliseconds first_restart{1'000};
constexpr Milliseconds longest_restart{60'000};
/// How long the C-node has to end once it is asked to.
constexpr Milliseconds cnode_end_limit{2'000};
/// How long a daemon has to stop before process 1 ends. `docker stop` kills after 10 s.
constexpr Milliseconds daemon_end_limit{5'000};

constexpr int signal_status = 128;
constexpr int not_executable_status = 126;
constexpr int not_found_status = 127;
constexpr pid_t none = 0;

int status_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? signal_status + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/// For exec; made before anything starts.
std::vector<char*> arguments_of(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const auto& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  return arguments;
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) == 0) {
      reader = FileDescriptor(ends[0]);
      writer = FileDescriptor(ends[1]);
    }
  }
  FileDescriptor reader;
  FileDescriptor writer;
};

/// The terminal that the command inherits, if any. A shell restores it after a program that a signal ended,
/// but to it we are one that exits.
class Terminal {
 public:
  Terminal() : known_(::tcgetattr(STDIN_FILENO, &modes_) == 0) {}

  void restore() const {
    if (known_ && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) {
      ::tcsetattr(STDIN_FILENO, TCSANOW, &modes_);
    }
  }

 private:
  termios modes_{};
  bool known_;
};

class Init {
 public:
  explicit Init(const Plan& plan)
      : plan_(plan),
        command_arguments_(arguments_of(plan.command)),
        cnode_arguments_(arguments_of(plan.cnode)) {}

  int run() {
    if (!is_process_1()) {
      ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    }
    if (const int status = prepare(); status != 0) {
      return status;
    }
    command_ = start_command();
    const int status = command_ == none ? 1 : supervise();
    if (status > signal_status) {
      terminal_.restore();
    }
    end(status);
    return status;
  }

 private:
  enum class Lifetime { ours, of_the_beam };

  static bool is_process_1() { return ::getpid() == 1; }

  int prepare() {
    Pipe result;
    const pid_t child = start_child("the preparation", [&]() {
      Prepared prepared;
      int status = plan_.prepare(prepared);
      if (status == 0 && !write_prepared(result.writer.get(), prepared)) {
        status = 1;
      }
      ::_exit(status);
    });
    if (child == none) {
      return 1;
    }
    for (;;) {
      const auto signal = signals_.wait();
      if (ends_a_service(signal.si_signo)) {
        ::kill(child, SIGKILL);
        return signal_status + signal.si_signo;
      }
      if (const auto status = reap(child)) {
        return *status == 0 ? accept(result) : *status;
      }
    }
  }

  /// The child has ended and its output fits into a pipe, so this does not block.
  int accept(Pipe& result) {
    result.writer.reset();
    const Prepared prepared = read_prepared(result.reader.get());
    for (const std::string& variable : prepared.variables) {
      const auto equals = variable.find('=');
      ::setenv(variable.substr(0, equals).c_str(), variable.c_str() + equals + 1, 1);
    }
    needs_cnode_ = prepared.needs_cnode;
    return 0;
  }

  int supervise() {
    for (;;) {
      if (needs_cnode_ && cnode_ == none && Clock::now() >= next_fork_) {
        start_cnode(Lifetime::ours);
      }
      const bool retries = needs_cnode_ && cnode_ == none;
      const auto signal = retries ? signals_.wait(time_until(next_fork_)) : signals_.wait();
      if (is_forwarded(signal, command_)) {
        ::kill(command_, signal.si_signo);
      }
      if (const auto status = reap(command_)) {
        return *status;
      }
    }
  }

  void end(int status) {
    const bool leaves_cnode = needs_cnode_ && status == 0;
    for (const int signal : {SIGTERM, SIGKILL}) {
      if (cnode_ != none) {
        ::kill(cnode_, signal);
        wait_for_children(cnode_end_limit, [this]() { return cnode_ == none; });
      }
    }
    if (!has_children()) {
      return;
    }
    if (is_process_1()) {
      ::kill(-1, SIGTERM);
      wait_for_children(daemon_end_limit, []() { return !has_children(); });
    } else if (leaves_cnode) {
      cnode_status_ = 0;
      start_cnode(Lifetime::of_the_beam);
    }
  }

  template <class Done>
  void wait_for_children(Milliseconds limit, Done done) {
    const auto until = Clock::now() + limit;
    while (!done() && Clock::now() < until) {
      static_cast<void>(signals_.wait(time_until(until)));
      reap(none);
    }
  }

  static Milliseconds time_until(TimePoint when) {
    return std::max(std::chrono::ceil<Milliseconds>(when - Clock::now()), Milliseconds(0));
  }

  static bool has_children() {
    siginfo_t ended{};
    return ::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0;
  }

  /// Reaps all that have ended. Returns the status of `expected` if it was among them.
  std::optional<int> reap(pid_t expected) {
    std::optional<int> status;
    int wait_status = 0;
    for (pid_t child = 0; (child = ::waitpid(-1, &wait_status, WNOHANG)) > 0;) {
      if (child == expected) {
        status = status_of(wait_status);
      } else if (child == cnode_) {
        cnode_ended(status_of(wait_status));
      }
    }
    return status;
  }

  void cnode_ended(int status) {
    cnode_ = none;
    if (status == 0) {
      needs_cnode_ = false;  // it was asked to end, or has done what --once wants
      return;
    }
    if (Clock::now() - cnode_started_ >= cnode_delay_ + longest_restart) {
      restarts_.reset();
    }
    cnode_status_ = status;
    cnode_delay_ = restarts_.next();
  }

  pid_t start_command() {
    return start_child(command_arguments_.front(), [this]() {
      ::execvp(command_arguments_.front(), command_arguments_.data());
      const int error = errno;
      report(command_arguments_.front(), error);
      ::_exit(error == ENOENT ? not_found_status : not_executable_status);
    });
  }

  /// The child waits for the delay itself, so that we have only signals to wait for. It ends when we do,
  /// because its standard input is closed then.
  void start_cnode(Lifetime lifetime) {
    cnode_started_ = Clock::now();
    cnode_ = start_child("the C-node", [this, lifetime]() {
      ::setsid();
      ::dup2(STDERR_FILENO, STDOUT_FILENO);
      if (lifetime == Lifetime::ours) {
        ::dup2(our_life_.reader.get(), STDIN_FILENO);
        cnode_arguments_.insert(cnode_arguments_.end() - 1, const_cast<char*>("--exit-on-eof"));
      } else {
        const FileDescriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        ::dup2(nothing.get(), STDIN_FILENO);
        cnode_arguments_.insert(cnode_arguments_.end() - 1, const_cast<char*>("--exit-with-beam"));
      }
      if (cnode_status_ != 0) {
        plan_.report_death(cnode_status_, cnode_delay_);
        std::this_thread::sleep_for(cnode_delay_);
      }
      ::unsetenv("NOTIFY_SOCKET");  // it is for the command
      ::execv("/proc/self/exe", cnode_arguments_.data());
      report("the C-node", errno);
      ::_exit(not_executable_status);
    });
    if (cnode_ == none) {
      next_fork_ = Clock::now() + restarts_.next();
    }
  }

  /// Whatever happens to the report: this process must live.
  void report(const char* process, int error) const {
    try {
      plan_.report_failure(process, std::strerror(error));
    } catch (const std::bad_alloc&) {
    }
  }

  template <class Body>
  pid_t start_child(const char* process, Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
      signals_.restore();
      body();
    }
    if (child < 0) {
      report(process, errno);
      return none;
    }
    return child;
  }

  const Plan& plan_;
  std::vector<char*> command_arguments_;
  std::vector<char*> cnode_arguments_;
  Signals signals_;
  Terminal terminal_;
  Pipe our_life_;  ///< nothing is ever written to it
  bool needs_cnode_ = false;
  pid_t command_ = none;
  pid_t cnode_ = none;
  TimePoint cnode_started_;
  TimePoint next_fork_;   ///< after one that failed
  int cnode_status_ = 0;  ///< of the last one that died
  Milliseconds cnode_delay_{0};
  Backoff restarts_{first_restart, longest_restart};
};

}  // namespace

int run(const Plan& plan) { return Init(plan).run(); }

}  // namespace rancher_cnode::init
