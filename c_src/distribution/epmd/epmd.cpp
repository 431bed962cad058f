#include "rancher_cnode/distribution/epmd.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <vector>

#include "distribution/epmd/epmd_protocol.hpp"
#include "distribution/timed_connection.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

Error why(const TimedConnection& connection, const error_code& error) {
  if (connection.late) {
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

/// Connected, and the request is sent.
asio::awaitable<Expected<std::shared_ptr<TimedConnection>>> ask(Ipv4Address host, std::uint16_t port,
                                                                std::vector<char> request,
                                                                Milliseconds limit) {
  auto asked = co_await connect_within(host, port, limit);
  error_code error = asked->error;
  if (!error) {
    co_await asio::async_write(asked->socket, asio::buffer(request),
                               asio::redirect_error(asio::use_awaitable, error));
  }
  if (error) {
    co_return tl::unexpected<Error>(why(*asked, error));
  }
  co_return asked;
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
    co_return tl::unexpected<Error>(why(*attempt, error));
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
    co_return tl::unexpected<Error>(why(*attempt, error));
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
    co_return tl::unexpected<Error>(why(*attempt, error));
  }
  co_return epmd::names_in(response);
}

}  // namespace rancher_cnode::distribution
