// The external triggers of a shutdown: signals, the end of a watched process, the end of standard input. Used
// by the agent. On the loop.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "rancher_cnode/core/file_descriptor.hpp"
#include "rancher_cnode/core/process_stat.hpp"
#include "rancher_cnode/core/timers.hpp"

namespace rancher_cnode::agent {

/// A descriptor that becomes readable when the process ends; none where the kernel has none (before 5.3) or a
/// sandbox refuses it.
[[nodiscard]] FileDescriptor open_pidfd(pid_t pid);

/// How the system reports on processes.
struct Processes {
  std::function<FileDescriptor(pid_t)> pidfd = open_pidfd;
  std::function<std::optional<ProcessStat>(pid_t)> stat = process_stat;
};

/// What else a signal asks for.
struct SignalRequests {
  std::function<void()> reload = [] {};         ///< SIGHUP
  std::function<void()> report_status = [] {};  ///< SIGUSR1
};

class ShutdownTriggers : public std::enable_shared_from_this<ShutdownTriggers> {
 public:
  /// `ended` gets the reason, for the log; it may be called more than once.
  ShutdownTriggers(boost::asio::io_context& loop, Timers& timers,
                   std::function<void(const std::string& reason)> ended, Processes processes = {});

  /// SIGTERM; SIGINT and SIGHUP too, unless they were ignored at the start: a shell ignores SIGINT for
  /// background jobs (POSIX, Shell Command Language, 2.11), and nohup ignores SIGHUP. SIGHUP is a trigger
  /// only where the terminal that the program was started on has hung up; else it is a request, as SIGUSR1
  /// is.
  void watch_signals(SignalRequests requests);
  /// A process that does not exist has ended.
  void watch_process(pid_t pid);
  /// Reads nothing and leaves the descriptor's flags unchanged: others may share it. Standard input that
  /// cannot be waited for (a file, /dev/null) counts as closed. A terminal closes when it is hung up.
  void watch_standard_input();
  /// Stops all waits; `ended` is not called after it.
  void stop();

 private:
  void wait_for_signal();
  void on_signal(int signal);
  void poll_process(pid_t pid);
  [[nodiscard]] bool has_ended(pid_t pid);
  void end(const std::string& reason);

  std::function<void(const std::string&)> ended_;
  boost::asio::signal_set signals_;
  SignalRequests requests_;
  bool on_terminal_ = false;  ///< at the start
  Timers& timers_;
  Processes processes_;
  Timers::Pending process_timer_;
  boost::asio::posix::stream_descriptor process_;
  std::optional<ProcessStat> first_seen_;
  boost::asio::posix::stream_descriptor standard_input_end_;  ///< an epoll that reports only the end
};

}  // namespace rancher_cnode::agent
