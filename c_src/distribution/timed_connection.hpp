// A TCP connection that is closed when its time is up. Used by epmd and peer_port. On the loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"

namespace rancher_cnode::distribution {

/// Shared with the timer's handler, which may run after the coroutine has ended.
struct TimedConnection {
  boost::asio::ip::tcp::socket socket;
  boost::asio::steady_timer timer;
  boost::system::error_code error{};  ///< of the connect
  bool late = false;                  ///< the time is up: this is why the socket fails
};

/// Connected, unless it has an error. The time goes on until the connection is dropped. Never null.
[[nodiscard]] boost::asio::awaitable<std::shared_ptr<TimedConnection>> connect_within(Ipv4Address host,
                                                                                      std::uint16_t port,
                                                                                      Milliseconds limit);

}  // namespace rancher_cnode::distribution
