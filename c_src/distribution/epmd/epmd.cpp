#include "rancher_cnode/distribution/epmd.hpp"

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <vector>

#include "distribution/epmd/epmd_protocol.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

enum class Deadline { ahead, passed };

Error explain(const error_code& error, Deadline deadline) {
  if (deadline == Deadline::passed) {
    return {ErrorCode::timeout, "its epmd does not answer"};
  }
  if (error == asio::error::connection_refused) {
    return {ErrorCode::refused, "no epmd listens there"};
  }
  if (error == asio::error::eof || error == asio::error::connection_reset) {
    return {ErrorCode::malformed, "its epmd closed the connection without an answer"};
  }
  return {ErrorCode::unavailable, "its epmd cannot be reached: " + error.message()};
}

}  // namespace

asio::awaitable<Expected<std::uint16_t>> epmd_port(Ipv4Address host, std::uint16_t port, std::string alive,
                                                   Milliseconds limit) {
  // Shared with the timer's handler, which may run after this coroutine has ended.
  struct Attempt {
    asio::ip::tcp::socket socket;
    Deadline deadline = Deadline::ahead;
  };
  const auto executor = co_await asio::this_coro::executor;
  auto attempt = std::make_shared<Attempt>(Attempt{asio::ip::tcp::socket(executor)});
  asio::steady_timer timer(executor, limit);
  timer.async_wait([attempt](const error_code& cancelled) {
    if (!cancelled) {
      attempt->deadline = Deadline::passed;
      error_code ignored;
      attempt->socket.close(ignored);
    }
  });

  error_code error;
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4(host.bits()), port);
  co_await attempt->socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    co_return tl::unexpected(explain(error, attempt->deadline));
  }
  const std::vector<char> request = epmd::port_please(alive);
  co_await asio::async_write(attempt->socket, asio::buffer(request),
                             asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    co_return tl::unexpected(explain(error, attempt->deadline));
  }
  std::array<char, epmd::port_response_found_length> response{};
  co_await asio::async_read(attempt->socket, asio::buffer(response.data(), epmd::port_response_head_length),
                            asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    co_return tl::unexpected(explain(error, attempt->deadline));
  }
  if (!epmd::is_port_response(response)) {
    co_return failure(ErrorCode::malformed, "the process on its epmd port is not an epmd");
  }
  if (!epmd::is_found(response)) {
    co_return failure(ErrorCode::not_found, "its epmd does not know the name " + alive);
  }
  constexpr std::size_t left = epmd::port_response_found_length - epmd::port_response_head_length;
  co_await asio::async_read(attempt->socket,
                            asio::buffer(response.data() + epmd::port_response_head_length, left),
                            asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    co_return tl::unexpected(explain(error, attempt->deadline));
  }
  co_return epmd::found_port(response);
}

}  // namespace rancher_cnode::distribution
