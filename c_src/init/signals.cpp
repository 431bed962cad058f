#include "init/signals.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode::init {
namespace {

/// Whether the process has a handler for the signal (SigCgt of proc(5)); yes if that cannot be read.
/// Allocates nothing.
bool handles(pid_t process, int signal) {
  constexpr std::size_t more_than_a_status_has = 4096;
  std::array<char, 32> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/status", process);
  const FileDescriptor file(::open(path.data(), O_RDONLY | O_CLOEXEC));
  std::array<char, more_than_a_status_has> text{};
  const ssize_t length = file.valid() ? ::read(file.get(), text.data(), text.size() - 1) : -1;
  const char* const mask = length > 0 ? std::strstr(text.data(), "SigCgt:") : nullptr;
  return mask == nullptr ||
         ((std::strtoull(mask + std::strlen("SigCgt:"), nullptr, 16) >> (signal - 1)) & 1U) != 0;
}

/// A shell with job control gives each job a group of its own within the session, and continues all of it.
bool is_job_of_a_shell() { return ::getpgrp() != ::getsid(0); }

}  // namespace

Signals::Signals() {
  ::sigfillset(&blocked_);
  for (const int signal :
       {SIGTSTP, SIGTTIN, SIGTTOU, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) {
    ::sigdelset(&blocked_, signal);
  }
  if (::getpid() == 1) {
    ::sigaddset(&blocked_, SIGTSTP);  // it has no effect on process 1, but the command may handle it
  }
  ::sigprocmask(SIG_SETMASK, &blocked_, &inherited_);
  std::signal(SIGCHLD, SIG_DFL);  // a parent that ignored it would leave us without our children's ends
}

Signals::~Signals() { restore(); }

void Signals::restore() const { ::sigprocmask(SIG_SETMASK, &inherited_, nullptr); }

siginfo_t Signals::wait() const {
  siginfo_t signal{};
  ::sigwaitinfo(&blocked_, &signal);
  return signal;
}

siginfo_t Signals::wait(Milliseconds limit) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  const timespec time{.tv_sec = seconds.count(),
                      .tv_nsec = std::chrono::nanoseconds(limit - seconds).count()};
  siginfo_t signal{};
  ::sigtimedwait(&blocked_, &signal, &time);
  return signal;
}

bool ends_a_service(int signal) {
  return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
}

bool is_forwarded(const siginfo_t& signal, pid_t command) {
  if (signal.si_signo == 0 || signal.si_signo == SIGCHLD) {
    return false;
  }
  const bool by_kernel = signal.si_code == SI_KERNEL;
  const bool by_us = signal.si_code == SI_USER && signal.si_pid == ::getpid();  // SIGPIPE
  // The loss of the terminal is reported to its session leader alone.
  if (by_us || (by_kernel && signal.si_signo != SIGHUP)) {
    return false;
  }
  if (signal.si_signo == SIGCONT) {
    return !is_job_of_a_shell();
  }
  return ends_a_service(signal.si_signo) || handles(command, signal.si_signo);
}

}  // namespace rancher_cnode::init
