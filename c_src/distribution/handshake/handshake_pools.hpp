// The threads on which handshakes block, and the inbound connections that wait for one. Used by connector.
//
// An inbound connection that has sent nothing yet is watched by the loop and needs no thread. Once it has
// sent bytes it gets a thread, and one source address may use only a share of them: a host that stalls its
// handshakes delays only itself, and sixteen such hosts are needed to delay others, until their deadline. The
// queue is kept on the loop; the pools only run.
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
#include <string>
#include <vector>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/distribution/handshake.hpp"

namespace rancher_cnode::distribution {

class HandshakePools {
 public:
  static constexpr std::size_t incoming_threads_per_source = 2;
  static constexpr std::size_t max_waiting_per_source = 128;
  static constexpr std::size_t max_waiting = 512;

  using Done = std::function<void(HandshakeResult)>;

  /// `limit` is for one handshake. It starts when a thread takes up an outgoing one, which may have waited
  /// for others, and when an inbound connection was accepted.
  HandshakePools(boost::asio::io_context& loop, Identity self, Milliseconds limit, HandshakeThreads threads);
  /// Aborts every handshake and joins the threads. No Done runs after it.
  ~HandshakePools();
  HandshakePools(const HandshakePools&) = delete;
  HandshakePools& operator=(const HandshakePools&) = delete;

  /// Used by handshakes that are requested from now on.
  void set_cookie(const Cookie& cookie);
  void set_tls(const std::optional<TlsSettings>& tls);

  using Checked = std::function<void(const std::vector<std::string>&)>;
  /// What tls_warnings finds, which reads files; `done` runs on the loop, unless there is no TLS.
  void check_tls(Checked done);

  /// `done` runs on the loop.
  void connect(const NodeName& peer, Ipv4Address address, std::uint16_t port, Done done);
  /// False (and the socket is closed) if too many are waiting, from this source or in total, or if the loop
  /// cannot watch the socket.
  [[nodiscard]] bool accept(FileDescriptor socket, Ipv4Address source, Done done);

 private:
  struct Inbound {
    boost::asio::ip::tcp::socket socket;  ///< owned by the loop until a thread takes it
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
  using SharedInbound = std::shared_ptr<Inbound>;
  void watch(const SharedInbound& inbound);
  void timed_out(const SharedInbound& inbound);
  void run_waiting();
  void run(const SharedInbound& inbound);
  void finished(Ipv4Address source);
  void forget_if_idle(Shares::iterator share);

  boost::asio::io_context& loop_;
  std::shared_ptr<const Identity> self_;  ///< each handshake keeps the one it started with
  const Milliseconds limit_;
  const HandshakeThreads threads_;
  HandshakeStop stop_;
  std::set<SharedInbound> silent_;     ///< have sent nothing yet
  std::deque<SharedInbound> waiting_;  ///< for a thread
  Shares shares_;
  std::size_t running_ = 0;
  std::shared_ptr<HandshakePools*> alive_;
  boost::asio::thread_pool outgoing_;
  boost::asio::thread_pool incoming_;
};

}  // namespace rancher_cnode::distribution
