// Shutdown triggers, and what they watch: a child, signals, standard input. Used by the tests of
// shutdown_triggers.
#pragma once

#include <doctest/doctest.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/shutdown_triggers.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/loopback.hpp"

namespace rancher_cnode::agent::test {

using distribution::test::run_for;
using distribution::test::run_until;

inline constexpr Milliseconds a_while{30};

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

/// Epolls in epolls, as deep as the kernel allows: the last of them no further epoll can wait for (ELOOP).
inline std::vector<FileDescriptor> nested_epolls() {
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

inline std::string end_of(pid_t pid) { return "the watched process " + std::to_string(pid) + " has ended"; }

/// A kernel without pidfd; what it reports of every process.
inline Processes without_pidfd(std::function<std::optional<ProcessStat>(pid_t)> stat = process_stat) {
  return {.pidfd = [](pid_t) { return FileDescriptor(); }, .stat = std::move(stat)};
}

}  // namespace rancher_cnode::agent::test
