// One client of the HTTP server: reads a request, writes the response, and so on, each within its limits.
// Used by Server. On the loop.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "http/router.hpp"
#include "rancher_cnode/core/timers.hpp"
#include "rancher_cnode/http/server.hpp"

namespace rancher_cnode::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Handlers {
    std::function<Response(const Request&)> respond;
    std::function<void(Connection&)> active;  ///< it begins to read a request
    std::function<void(Connection&)> ended;   ///< once; nothing runs after it
  };

  Connection(boost::asio::ip::tcp::socket socket, Timers& timers, Handlers handlers)
      : socket_(std::move(socket)), timers_(timers), handlers_(std::move(handlers)) {}

  void start() { read(); }
  void close();

 private:
  void await_request();
  void read();
  void have_head(std::size_t size);
  void write(Response response);
  void drain();
  void limit(Milliseconds time);

  /// Calls `then` with error and size unless the connection is closed; keeps the connection alive until then.
  template <class Then>
  auto unless_closed(Then then) {
    return [self = shared_from_this(), then](const boost::system::error_code& error, std::size_t size = 0) {
      if (!self->closed_) {
        then(error, size);
      }
    };
  }

  boost::asio::ip::tcp::socket socket_;
  Timers& timers_;
  Handlers handlers_;
  std::string received_;  ///< and not consumed yet
  Response response_;
  std::array<char, 4'096> dropped_{};
  Timers::Pending deadline_;
  bool closed_ = false;
};

}  // namespace rancher_cnode::http
