// The threads on which handshakes block, and the queue of strangers that wait for one. Used by cnode.
//
// One source address may hold only a share of the incoming threads, so a host that opens many connections and
// says nothing delays only itself. The queue is kept on the loop; the pools only run.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>

#include "rancher_cnode/address.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/distribution/handshake.hpp"

namespace rancher_cnode::distribution {

class HandshakePools {
 public:
  static constexpr std::size_t outgoing_threads = 4;
  static constexpr std::size_t incoming_threads = 8;
  static constexpr std::size_t incoming_threads_per_source = 2;
  static constexpr std::size_t max_waiting_per_source = 128;
  static constexpr std::size_t max_waiting = 512;

  using Done = std::function<void(HandshakeResult)>;

  HandshakePools(boost::asio::io_context& loop, Identity self, Milliseconds limit);
  /// Ends every handshake at once and joins the threads. No Done runs any more.
  ~HandshakePools();
  HandshakePools(const HandshakePools&) = delete;
  HandshakePools& operator=(const HandshakePools&) = delete;

  /// `done` runs on the loop.
  void connect(const NodeName& peer, Ipv4Address address, std::uint16_t port, Done done);
  /// False (and the socket is closed) if too many wait already, of this source or in all.
  [[nodiscard]] bool accept(FileDescriptor socket, Ipv4Address source, Done done);

 private:
  struct Stranger {
    FileDescriptor socket;
    Ipv4Address source;
    TimePoint deadline;
    Done done;
  };
  struct Share {
    std::size_t running = 0;
    std::size_t waiting = 0;
  };
  void run_waiting();
  void run(Stranger stranger);
  void finished(Ipv4Address source);

  boost::asio::io_context& loop_;
  const Identity self_;
  Milliseconds limit_;
  HandshakeStop stop_;
  std::deque<Stranger> waiting_;
  std::map<Ipv4Address, Share> shares_;
  std::size_t running_ = 0;
  std::shared_ptr<HandshakePools*> alive_;
  boost::asio::thread_pool outgoing_;
  boost::asio::thread_pool incoming_;
};

}  // namespace rancher_cnode::distribution
