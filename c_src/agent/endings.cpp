#include "endings.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Where the kernel has no pidfd (before 5.3), the process is looked at this often.
constexpr std::chrono::milliseconds look_again{500};

/// Through syscall(): glibc has its own name for it only since 2.36.
int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

Endings::Endings(asio::io_context& loop, std::function<void(const std::string&)> ended)
    : ended_(std::move(ended)), signals_(loop), process_timer_(loop), process_(loop), standard_input_(loop) {}

void Endings::end(const std::string& reason) {
  if (ended_) {
    ended_(reason);
  }
}

void Endings::watch_signals() {
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  wait_for_signal();
}

void Endings::wait_for_signal() {
  signals_.async_wait([self = shared_from_this()](const error_code& error, int number) {
    if (!error) {
      self->end(number == SIGTERM ? "SIGTERM" : "SIGINT");
    }
  });
}

void Endings::watch_process(pid_t pid) {
  const int descriptor = open_pidfd(pid);
  if (descriptor < 0) {
    look_at_process(pid);
    return;
  }
  process_.assign(descriptor);
  process_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this(), pid](const error_code& error) {
                        if (!error) {
                          self->end("the watched process " + std::to_string(pid) + " has ended");
                        }
                      });
}

void Endings::look_at_process(pid_t pid) {
  if (::kill(pid, 0) != 0 && errno == ESRCH) {
    end("the watched process " + std::to_string(pid) + " has ended");
    return;
  }
  process_timer_.expires_after(look_again);
  process_timer_.async_wait([self = shared_from_this(), pid](const error_code& cancelled) {
    if (!cancelled) {
      self->look_at_process(pid);
    }
  });
}

void Endings::watch_standard_input() {
  // A duplicate, so that closing ours leaves the process its descriptor 0.
  error_code error;
  standard_input_.assign(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0), error);
  if (error) {
    end("standard input cannot be waited for");
    return;
  }
  read_standard_input();
}

void Endings::read_standard_input() {
  standard_input_.async_read_some(asio::buffer(ignored_input_),
                                  [self = shared_from_this()](const error_code& error, std::size_t /*size*/) {
                                    if (error == asio::error::operation_aborted) {
                                      return;
                                    }
                                    if (error) {
                                      self->end("standard input has closed");
                                      return;
                                    }
                                    self->read_standard_input();
                                  });
}

void Endings::stop() {
  ended_ = nullptr;
  error_code ignored;
  signals_.cancel(ignored);
  process_timer_.cancel();
  process_.close(ignored);
  standard_input_.close(ignored);
}

}  // namespace rancher_cnode::agent
