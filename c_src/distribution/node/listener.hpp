// The port that other nodes connect to. Used by cnode. On the loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"

namespace rancher_cnode::distribution {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  struct Handlers {
    std::function<void(FileDescriptor socket, Ipv4Address source)> accepted;  ///< the socket is non-blocking
    /// An accept failed (no descriptors left).
    std::function<void(const std::string& reason)> failed;
  };

  Listener(boost::asio::io_context& loop, Handlers handlers);

  /// Listens on the first free port of the range and starts to accept. May be called again after a failure.
  [[nodiscard]] Expected<void> open(Ipv4Address host, PortRange ports);
  /// No handler runs after it.
  void close();
  /// 0 unless it listens.
  [[nodiscard]] std::uint16_t port() const;

 private:
  void accept_next();
  void accept_later();

  boost::asio::io_context& loop_;
  Handlers handlers_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::ip::tcp::endpoint source_;
  boost::asio::steady_timer again_;
};

}  // namespace rancher_cnode::distribution
