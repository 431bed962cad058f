#include "rancher_cnode/distribution/epmd.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
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

/// One request. Shared with the timer's handler, which may run after the coroutine has ended.
struct Attempt {
  asio::ip::tcp::socket socket;
  asio::steady_timer timer;
  Deadline deadline = Deadline::ahead;

  [[nodiscard]] Error why(const error_code& error) const { return explain(error, deadline); }
};

/// Connected, and the request is sent; the timer runs until the attempt is dropped.
asio::awaitable<Expected<std::shared_ptr<Attempt>>> ask(Ipv4Address host, std::uint16_t port,
                                                        std::vector<char> request, Milliseconds limit) {
  const auto executor = co_await asio::this_coro::executor;
  auto attempt = std::make_shared<Attempt>(
      Attempt{asio::ip::tcp::socket(executor), asio::steady_timer(executor, limit)});
  attempt->timer.async_wait([weak = std::weak_ptr(attempt)](const error_code& cancelled) {
    if (const auto late = weak.lock(); late && !cancelled) {
      late->deadline = Deadline::passed;
      error_code ignored;
      late->socket.close(ignored);
    }
  });
  error_code error;
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4(host.bits()), port);
  co_await attempt->socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  if (!error) {
    co_await asio::async_write(attempt->socket, asio::buffer(request),
                               asio::redirect_error(asio::use_awaitable, error));
  }
  if (error) {
    co_return tl::unexpected<Error>(attempt->why(error));
  }
  co_return attempt;
}

}  // namespace

asio::awaitable<Expected<std::uint16_t>> epmd_port(Ipv4Address host, std::uint16_t port, std::string alive,
                                                   Milliseconds limit) {
  auto asked = co_await ask(host, port, epmd::port_please(alive), limit);
  if (!asked) {
    co_return tl::unexpected<Error>(asked.error());
  }
  const auto attempt = *asked;
  error_code error;
  std::array<char, epmd::port_response_found_length> response{};
  co_await asio::async_read(attempt->socket, asio::buffer(response.data(), epmd::port_response_head_length),
                            asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    co_return tl::unexpected<Error>(attempt->why(error));
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
    co_return tl::unexpected<Error>(attempt->why(error));
  }
  co_return epmd::found_port(response);
}

asio::awaitable<Expected<std::vector<std::string>>> epmd_names(Ipv4Address host, std::uint16_t port,
                                                               Milliseconds limit) {
  auto asked = co_await ask(host, port, epmd::names_request(), limit);
  if (!asked) {
    co_return tl::unexpected<Error>(asked.error());
  }
  const auto attempt = *asked;
  error_code error;
  std::string response;
  co_await asio::async_read(attempt->socket, asio::dynamic_buffer(response, epmd::max_names_response),
                            asio::redirect_error(asio::use_awaitable, error));
  if (error != asio::error::eof && response.size() < epmd::max_names_response) {
    co_return tl::unexpected<Error>(attempt->why(error));
  }
  co_return epmd::names_in(response);
}

}  // namespace rancher_cnode::distribution
