#include "agent/shutdown_triggers.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <system_error>
#include <utility>

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// How often the process is checked where there is no pidfd.
constexpr std::chrono::milliseconds poll_interval{500};

bool is_ignored(int signal) {
  struct sigaction inherited {};
  return ::sigaction(signal, nullptr, &inherited) == 0 && inherited.sa_handler == SIG_IGN;
}

/// A terminal that has hung up is none any more.
bool is_on_terminal() { return ::isatty(STDIN_FILENO) == 1 || ::isatty(STDERR_FILENO) == 1; }

const char* name_of(int signal) {
  return signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGHUP";
}

/// An epoll descriptor that becomes readable when the other end of `watched` closes, and not for data; none
/// if `watched` cannot be waited for. Throws if no descriptor is left.
FileDescriptor open_watch_for_end(int watched) {
  FileDescriptor watch(::epoll_create1(EPOLL_CLOEXEC));
  if (!watch.valid()) {
    throw std::system_error(errno, std::generic_category(), "epoll");
  }
  // EPOLLHUP and EPOLLERR are always reported.
  epoll_event closed{.events = EPOLLRDHUP, .data = {}};
  if (::epoll_ctl(watch.get(), EPOLL_CTL_ADD, watched, &closed) != 0) {
    watch.reset();
  }
  return watch;
}

}  // namespace

// By syscall(): glibc has a wrapper only since 2.36.
FileDescriptor open_pidfd(pid_t pid) {
  return FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

ShutdownTriggers::ShutdownTriggers(asio::io_context& loop, Timers& timers,
                                   std::function<void(const std::string&)> ended, Processes processes)
    : ended_(std::move(ended)),
      signals_(loop),
      timers_(timers),
      processes_(std::move(processes)),
      process_(loop),
      standard_input_end_(loop) {}

void ShutdownTriggers::end(const std::string& reason) {
  // A copy, since it calls stop(), which resets ended_.
  if (const auto ended = ended_) {
    ended(reason);
  }
}

void ShutdownTriggers::watch_signals(SignalRequests requests) {
  requests_ = std::move(requests);
  on_terminal_ = is_on_terminal();
  for (const int signal : {SIGTERM, SIGUSR1}) {
    signals_.add(signal);
  }
  for (const int signal : {SIGINT, SIGHUP}) {
    if (!is_ignored(signal)) {
      signals_.add(signal);
    }
  }
  wait_for_signal();
}

void ShutdownTriggers::wait_for_signal() {
  signals_.async_wait([self = shared_from_this()](const error_code& error, int number) {
    if (!error && self->ended_) {
      self->wait_for_signal();
      self->on_signal(number);
    }
  });
}

void ShutdownTriggers::on_signal(int signal) {
  const bool hung_up = signal == SIGHUP && on_terminal_ && !is_on_terminal();
  if (signal == SIGUSR1) {
    requests_.report_status();
  } else if (signal == SIGHUP && !hung_up) {
    requests_.reload();
  } else {
    end(name_of(signal));
  }
}

void ShutdownTriggers::watch_process(pid_t pid) {
  FileDescriptor descriptor = processes_.pidfd(pid);
  error_code error;
  if (descriptor.valid()) {
    process_.assign(descriptor.get(), error);
  }
  if (!descriptor.valid() || error) {
    poll_process(pid);
    return;
  }
  static_cast<void>(descriptor.release());
  process_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this(), pid](const error_code& cancelled) {
                        if (!cancelled) {
                          self->end("the watched process " + std::to_string(pid) + " has ended");
                        }
                      });
}

void ShutdownTriggers::poll_process(pid_t pid) {
  if (has_ended(pid)) {
    end("the watched process " + std::to_string(pid) + " has ended");
    return;
  }
  process_timer_ =
      timers_.call_after(poll_interval, [self = shared_from_this(), pid]() { self->poll_process(pid); });
}

bool ShutdownTriggers::has_ended(pid_t pid) {
  if (::kill(pid, 0) != 0 && errno == ESRCH) {
    return true;
  }
  const auto stat = processes_.stat(pid);
  if (!stat) {
    return false;
  }
  if (!first_seen_) {
    first_seen_ = stat;
  }
  // With another start time it is another process that has got the same number.
  return stat->has_ended() || stat->start != first_seen_->start;
}

void ShutdownTriggers::watch_standard_input() {
  FileDescriptor watch = open_watch_for_end(STDIN_FILENO);
  if (!watch.valid()) {
    end("standard input cannot be waited for");
    return;
  }
  standard_input_end_.assign(watch.get());
  static_cast<void>(watch.release());
  standard_input_end_.async_wait(asio::posix::stream_descriptor::wait_read,
                                 [self = shared_from_this()](const error_code& cancelled) {
                                   if (!cancelled) {
                                     self->end("standard input has closed");
                                   }
                                 });
}

void ShutdownTriggers::stop() {
  ended_ = nullptr;
  requests_ = {};
  error_code ignored;
  signals_.cancel(ignored);
  process_timer_.reset();
  process_.close(ignored);
  standard_input_end_.close(ignored);
}

}  // namespace rancher_cnode::agent
