// One established connection to one node: receives and sends frames, ticks, and times out a silent peer.
// Lives on the loop. Used by cnode, which hands it a socket after the handshake and gets its messages and its
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

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"
#include "rancher_cnode/distribution/control_message.hpp"
#include "rancher_cnode/distribution/frame.hpp"

namespace rancher_cnode::distribution {

class TlsSession;
enum class TlsStatus;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// A live BEAM sends something every quarter of its net_ticktime, or every half if a tick is late. Its
  /// net_ticktime is unknown here, so the limit allows for one of 2 h. A host that is gone is noticed much
  /// earlier: it acknowledges none of our ticks.
  struct Timing {
    Milliseconds tick_after{15'000};        ///< we tick after sending nothing for this long
    Milliseconds silence_limit{3'600'000};  ///< a peer that sent nothing for this long is gone
    Milliseconds check_every{5'000};        ///< interval of the checks
    Milliseconds unread_limit{60'000};      ///< a peer that reads nothing for this long is gone, or its host
  };

  /// Both run on the loop. `message` may call send() and close(). `closed` runs once, never from inside
  /// close(), and not at all after close_silently().
  struct Handlers {
    std::function<void(const Message&)> message;
    std::function<void(const Error& why)> closed;
  };

  /// Limit of the send queue; a peer that does not read fills it, and the connection is closed.
  static constexpr std::size_t max_unsent_bytes = std::size_t{16} << 20U;
  /// Frames handled in a row before the loop does its other work.
  static constexpr std::size_t frames_at_once = 32;

  /// With a TLS session, the frames pass through it.
  Connection(boost::asio::io_context& loop, FileDescriptor socket, Timing timing, Handlers handlers,
             std::shared_ptr<TlsSession> tls = nullptr);

  void start();
  /// Queues one whole frame. Does nothing on a closed connection; closes the connection if the queue is full.
  void send(std::vector<char> frame);
  /// Free space in the send queue, in bytes.
  [[nodiscard]] std::size_t room() const { return max_unsent_bytes - unsent_bytes_; }
  /// Bytes in the send queue.
  [[nodiscard]] std::size_t unsent() const { return unsent_bytes_; }
  /// False from close() on.
  [[nodiscard]] bool open() const { return open_; }
  void close(const Error& why);
  /// close() without calling the handlers, for an owner that is being destroyed. Sends as much of last_frames
  /// as the socket takes without blocking.
  void close_silently(std::span<const char> last_frames = {});

 private:
  void read_more();
  void take_frames();
  void tick_if_idle();
  void write_next();
  void read_more_over_tls();
  void write_next_over_tls();
  void wait_for(TlsStatus status, void (Connection::*again)());
  void received(std::size_t size);
  void sent_first();
  void check_later();
  void finish(const Error& why);

  boost::asio::io_context& loop_;
  boost::asio::ip::tcp::socket socket_;
  std::shared_ptr<TlsSession> tls_;  ///< null: plain TCP
  boost::asio::steady_timer check_;
  Timing timing_;
  Handlers handlers_;
  FrameReader reader_;
  std::deque<std::vector<char>> unsent_;
  std::size_t unsent_bytes_ = 0;
  std::size_t first_sent_ = 0;  ///< bytes of the queue's first frame that TLS has taken
  TimePoint last_sent_;
  // Both are counted in checks, not by the clock: time in which this process is stopped or its host suspended
  // does not count as the peer's silence.
  Milliseconds silent_{0};
  Milliseconds unread_{0};              ///< of the queue's first frame
  boost::system::error_code assigned_;  ///< whether the loop could take the socket
  bool open_ = true;
};

}  // namespace rancher_cnode::distribution
