#include "distribution/node/listener.hpp"

#include <string>
#include <utility>

namespace rancher_cnode::distribution {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Delay after a failed accept (out of descriptors), so that the loop does not spin.
constexpr Milliseconds accept_again{100};

error_code listen_at(asio::ip::tcp::acceptor& acceptor, const asio::ip::tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) {
    acceptor.set_option(asio::ip::tcp::acceptor::reuse_address(true), error);
  }
  if (!error) {
    acceptor.bind(endpoint, error);
  }
  if (!error) {
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  return error;
}

/// 10.42.0.2, 10.42.0.2:9001 or 10.42.0.2:9001-9005.
std::string in_words(Ipv4Address host, PortRange ports) {
  std::string text = host.to_string();
  if (ports.first != 0) {
    text += ":" + std::to_string(ports.first);
  }
  if (ports.last != ports.first) {
    text += "-" + std::to_string(ports.last);
  }
  return text;
}

}  // namespace

Listener::Listener(asio::io_context& loop, Handlers handlers)
    : loop_(loop), handlers_(std::move(handlers)), acceptor_(loop), again_(loop) {}

Expected<void> Listener::open(Ipv4Address host, PortRange ports) {
  error_code error;
  for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
    acceptor_ = asio::ip::tcp::acceptor(loop_);
    error = listen_at(acceptor_, {asio::ip::address_v4(host.bits()), static_cast<std::uint16_t>(port)});
    if (!error) {
      accept_next();
      return {};
    }
  }
  close();
  return failure(ErrorCode::unavailable,
                 "cannot listen on " + in_words(host, ports) + ": " + error.message());
}

void Listener::close() {
  error_code ignored;
  acceptor_.close(ignored);
  again_.cancel();
}

std::uint16_t Listener::port() const {
  error_code ignored;
  return acceptor_.local_endpoint(ignored).port();
}

void Listener::accept_next() {
  acceptor_.async_accept(source_, [self = shared_from_this()](const error_code& error,
                                                              asio::ip::tcp::socket socket) {
    if (!self->acceptor_.is_open()) {
      return;
    }
    if (error) {
      self->handlers_.failed(error.message());
      self->accept_later();
      return;
    }
    error_code broken;
    socket.non_blocking(true, broken);
    FileDescriptor descriptor(broken ? -1 : socket.release(broken));
    if (!broken) {
      self->handlers_.accepted(std::move(descriptor), Ipv4Address(self->source_.address().to_v4().to_uint()));
    }
    if (self->acceptor_.is_open()) {
      self->accept_next();
    }
  });
}

void Listener::accept_later() {
  again_.expires_after(accept_again);
  again_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (!cancelled && self->acceptor_.is_open()) {
      self->accept_next();
    }
  });
}

}  // namespace rancher_cnode::distribution
