// What ends the program from outside: signals, the end of a watched process, the end of standard input.
// Used by the agent. On the loop.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "rancher_cnode/process_stat.hpp"

namespace rancher_cnode::agent {

class Endings : public std::enable_shared_from_this<Endings> {
 public:
  /// `ended` gets the reason, for the log; it may be called more than once.
  Endings(boost::asio::io_context& loop, std::function<void(const std::string& reason)> ended);

  /// SIGTERM; SIGINT and SIGHUP too, unless whoever started us has them ignored: so a shell keeps its background
  /// jobs from the keyboard (POSIX, Shell Command Language, 2.11), and nohup from a terminal that closes.
  void watch_signals();
  /// A process that does not exist any more has ended.
  void watch_process(pid_t pid);
  /// Nothing of it is read, and its flags stay as they are: others may share it. Standard input that cannot be
  /// waited for (a file, /dev/null) has ended. A terminal's ends when it is hung up.
  void watch_standard_input();
  void stop();

 private:
  void wait_for_signal();
  void look_at_process(pid_t pid);
  [[nodiscard]] bool has_ended(pid_t pid);
  void end(const std::string& reason);

  std::function<void(const std::string&)> ended_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer process_timer_;
  boost::asio::posix::stream_descriptor process_;
  std::optional<ProcessStat> first_seen_;
  boost::asio::posix::stream_descriptor standard_input_end_;  ///< an epoll that tells of nothing but the end
};

}  // namespace rancher_cnode::agent
