// One established link to one node: frames in, frames out, ticks, and the timer for a silent peer. Lives on
// the loop. Used by cnode, which gives it a socket after the handshake and learns of its messages and its
// end. Source: ERTS user's guide, "Distribution Protocol"; net_kernel's net_ticktime.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/distribution/control_message.hpp"
#include "rancher_cnode/distribution/file_descriptor.hpp"
#include "rancher_cnode/distribution/frame.hpp"
#include "rancher_cnode/error.hpp"

namespace rancher_cnode::distribution {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// A BEAM that lives sends something every quarter of its net_ticktime, or every half if a tick is late. Its
  /// net_ticktime is its own affair, so a silent one is given that of 2 h. A host that is gone is noticed long
  /// before: it acknowledges none of our ticks.
  struct Timing {
    Milliseconds tick_after{15'000};        ///< we tick after this much silence of our own
    Milliseconds silence_limit{3'600'000};  ///< a peer that sent nothing for this long is gone
    Milliseconds check_every{5'000};        ///< how often all is looked at
    Milliseconds unread_limit{60'000};      ///< the same for one that takes nothing, or whose host does not
  };

  /// Both run on the loop. `message` may call send() and close(). `closed` runs once, never from inside
  /// close(), and not at all after abandon().
  struct Handlers {
    std::function<void(const Message&)> message;
    std::function<void(const Error& why)> closed;
  };

  /// What a peer that does not read may leave in our queue before the link is closed.
  static constexpr std::size_t max_unsent_bytes = std::size_t{16} << 20U;
  /// How many frames are taken before the loop's other work gets its turn.
  static constexpr std::size_t frames_at_once = 32;

  Connection(boost::asio::io_context& loop, FileDescriptor socket, Timing timing, Handlers handlers);

  void start();
  /// Queues one whole frame. Does nothing on a closed link; closes one whose queue has no room for it.
  void send(std::vector<char> frame);
  /// What the queue still takes, in bytes.
  [[nodiscard]] std::size_t room() const { return max_unsent_bytes - unsent_bytes_; }
  void close(const Error& why);
  /// close() without a word to the handlers: the owner is going away. Of last_frames goes out what the
  /// socket takes without blocking.
  void abandon(std::span<const char> last_frames = {});

 private:
  void read_more();
  void take_frames();
  void show_life();
  void write_next();
  void check_later();
  void finish(const Error& why);

  boost::asio::io_context& loop_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer check_;
  Timing timing_;
  Handlers handlers_;
  FrameReader reader_;
  std::deque<std::vector<char>> unsent_;
  std::size_t unsent_bytes_ = 0;
  TimePoint last_sent_;
  // Both grow by the checks that have passed, not by the clock: while this process is stopped or its host
  // suspended, the peer's silence is ours.
  Milliseconds silent_{0};
  Milliseconds unread_{0};              ///< of the queue's first frame
  boost::system::error_code assigned_;  ///< whether the loop could take the socket
  bool open_ = true;
};

}  // namespace rancher_cnode::distribution
