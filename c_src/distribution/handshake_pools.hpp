// The threads on which handshakes block, and the strangers that wait for one. Used by cnode.
//
// A stranger that has said nothing yet is watched by the loop and costs no thread. One that began to speak
// gets a thread, and one source address may hold only a share of those: a host that stops in the middle of
// its handshakes delays only itself, and it takes sixteen such hosts together to delay others, until their
// deadline. The waiting is kept on the loop; the pools only run.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "rancher_cnode/address.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/distribution/handshake.hpp"

namespace rancher_cnode::distribution {

class HandshakePools {
 public:
  static constexpr std::size_t incoming_threads_per_source = 2;
  static constexpr std::size_t max_waiting_per_source = 128;
  static constexpr std::size_t max_waiting = 512;

  using Done = std::function<void(HandshakeResult)>;

  /// `limit` is for one handshake. An outgoing one's time begins when a thread takes it up: a wait for
  /// others is not the peer's fault. A stranger's begins when it came.
  HandshakePools(boost::asio::io_context& loop, Identity self, Milliseconds limit, HandshakeThreads threads);
  /// Ends every handshake at once and joins the threads. No Done runs any more.
  ~HandshakePools();
  HandshakePools(const HandshakePools&) = delete;
  HandshakePools& operator=(const HandshakePools&) = delete;

  /// For the handshakes that are asked for from now on.
  void set_cookie(const Cookie& cookie);

  /// `done` runs on the loop.
  void connect(const NodeName& peer, Ipv4Address address, std::uint16_t port, Done done);
  /// False (and the socket is closed) if too many wait already, of this source or in all, or if the loop
  /// cannot watch it.
  [[nodiscard]] bool accept(FileDescriptor socket, Ipv4Address source, Done done);

 private:
  struct Stranger {
    boost::asio::ip::tcp::socket socket;  ///< the loop's until a thread takes it
    boost::asio::steady_timer timer;
    Ipv4Address source;
    TimePoint deadline;
    Done done;
  };
  struct Share {
    std::size_t running = 0;
    std::size_t waiting = 0;
  };
  using Shares = std::map<Ipv4Address, Share>;
  using SharedStranger = std::shared_ptr<Stranger>;
  void watch(const SharedStranger& stranger);
  void gave_up(const SharedStranger& stranger);
  void run_waiting();
  void run(const SharedStranger& stranger);
  void finished(Ipv4Address source);
  void forget_if_idle(Shares::iterator share);

  boost::asio::io_context& loop_;
  std::shared_ptr<const Identity> self_;  ///< each handshake keeps the one it began with
  const Milliseconds limit_;
  const HandshakeThreads threads_;
  HandshakeStop stop_;
  std::set<SharedStranger> silent_;     ///< that have said nothing yet
  std::deque<SharedStranger> waiting_;  ///< for a thread
  Shares shares_;
  std::size_t running_ = 0;
  std::shared_ptr<HandshakePools*> alive_;
  boost::asio::thread_pool outgoing_;
  boost::asio::thread_pool incoming_;
};

}  // namespace rancher_cnode::distribution
