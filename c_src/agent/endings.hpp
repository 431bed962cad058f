// What ends the program from outside: signals, the end of a watched process, the end of standard input.
// Used by the agent. On the loop.
#pragma once

#include <sys/types.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

namespace rancher_cnode::agent {

class Endings : public std::enable_shared_from_this<Endings> {
 public:
  /// `ended` gets the reason, for the log; it may be called more than once.
  Endings(boost::asio::io_context& loop, std::function<void(const std::string& reason)> ended);

  void watch_signals();
  /// A process that does not exist any more has ended.
  void watch_process(pid_t pid);
  /// Standard input that cannot be waited for (a file) has ended.
  void watch_standard_input();
  void stop();

 private:
  void wait_for_signal();
  void look_at_process(pid_t pid);
  void read_standard_input();
  void end(const std::string& reason);

  std::function<void(const std::string&)> ended_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer process_timer_;
  boost::asio::posix::stream_descriptor process_;
  boost::asio::posix::stream_descriptor standard_input_;
  std::array<char, 256> ignored_input_{};
};

}  // namespace rancher_cnode::agent
