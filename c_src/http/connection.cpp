#include "http/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <string>
#include <utility>

namespace rancher_cnode::http {
namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr unsigned head_too_large = 431;

}  // namespace

void Connection::close() {
  if (std::exchange(closed_, true)) {
    return;
  }
  const auto self = shared_from_this();
  deadline_.reset();
  error_code ignored;
  socket_.close(ignored);
  handlers_.ended(*this);
}

void Connection::limit(Milliseconds time) {
  deadline_ = timers_.call_after(time, [this]() { close(); });
}

void Connection::await_request() {
  response_ = {};
  if (!received_.empty()) {
    read();
    return;
  }
  limit(Server::idle_limit);
  socket_.async_wait(asio::socket_base::wait_read,
                     unless_closed([this](const error_code& error, std::size_t /*size*/) {
                       if (error) {
                         close();
                       } else {
                         read();
                       }
                     }));
}

void Connection::read() {
  handlers_.active(*this);
  limit(Server::read_limit);
  // Not by Beast's own reading: its limit is one of each part that arrives, and not of the head.
  asio::async_read_until(
      socket_, asio::dynamic_buffer(received_, Server::max_head_bytes), "\r\n\r\n",
      unless_closed([this](const error_code& error, std::size_t size) {
        if (!error) {
          have_head(size);
        } else if (error == asio::error::not_found) {
          write(refusal(head_too_large, "a request head must have at most " +
                                            std::to_string(Server::max_head_bytes) + " bytes"));
        } else {
          close();
        }
      }));
}

void Connection::have_head(std::size_t size) {
  beast_http::request_parser<beast_http::empty_body> parser;
  error_code error;
  parser.put(asio::buffer(received_.data(), size), error);
  received_.erase(0, size);
  if (!error && parser.is_header_done()) {
    write(handlers_.respond(parser.get()));
  } else {
    write(refusal(bad_request, "this is not an HTTP/1 request: " + error.message()));
  }
}

void Connection::write(Response response) {
  limit(Server::write_limit);
  response_ = std::move(response);
  const std::array<asio::const_buffer, 2> parts{
      asio::buffer(response_.head), response_.body ? asio::buffer(*response_.body) : asio::const_buffer()};
  asio::async_write(socket_, parts, unless_closed([this](const error_code& error, std::size_t /*size*/) {
                      if (error) {
                        close();
                      } else if (response_.after == AfterResponse::next_request) {
                        await_request();
                      } else {
                        limit(Server::close_limit);
                        error_code ignored;
                        socket_.shutdown(asio::socket_base::shutdown_send, ignored);
                        drain();
                      }
                    }));
}

/// Until the client closes: with bytes unread, the kernel would reset the connection, and the response might
/// be lost (RFC 9112, 9.6).
void Connection::drain() {
  socket_.async_read_some(asio::buffer(dropped_),
                          unless_closed([this](const error_code& error, std::size_t /*size*/) {
                            if (error) {
                              close();
                            } else {
                              drain();
                            }
                          }));
}

}  // namespace rancher_cnode::http
