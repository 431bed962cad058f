#include "distribution/timed_connection.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace rancher_cnode::distribution {
namespace asio = boost::asio;
using boost::system::error_code;

asio::awaitable<std::shared_ptr<TimedConnection>> connect_within(Ipv4Address host, std::uint16_t port,
                                                                 Milliseconds limit) {
  const auto executor = co_await asio::this_coro::executor;
  auto connection = std::make_shared<TimedConnection>(
      TimedConnection{asio::ip::tcp::socket(executor), asio::steady_timer(executor, limit)});
  connection->timer.async_wait([weak = std::weak_ptr(connection)](const error_code& cancelled) {
    if (const auto running = weak.lock(); running && !cancelled) {
      running->late = true;
      error_code ignored;
      running->socket.close(ignored);
    }
  });
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4(host.bits()), port);
  co_await connection->socket.async_connect(endpoint,
                                            asio::redirect_error(asio::use_awaitable, connection->error));
  co_return connection;
}

}  // namespace rancher_cnode::distribution
