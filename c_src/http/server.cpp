#include "rancher_cnode/http/server.hpp"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <list>
#include <utility>

#include "http/connection.hpp"
#include "http/router.hpp"

namespace rancher_cnode::http {
namespace asio = boost::asio;
using boost::system::error_code;

class Server::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& loop, Timers& timers, std::vector<Route> routes,
       std::function<void(const std::string&)> accepting)
      : timers_(timers),
        router_(timers, std::move(routes)),
        accepting_(std::move(accepting)),
        acceptor_(loop) {}

  void start(FileDescriptor listening) {
    acceptor_.assign(asio::ip::tcp::v4(), listening.release());
    accept_next();
  }

  void stop() {
    again_.reset();
    // Released before it is closed: it is a copy, and the original would keep what epoll knows of it.
    if (acceptor_.is_open()) {
      error_code ignored;
      const FileDescriptor closed(acceptor_.release(ignored));
    }
    while (!connections_.empty()) {
      connections_.front()->close();
    }
  }

 private:
  void accept_next() {
    acceptor_.async_accept([self = shared_from_this()](const error_code& error,
                                                       asio::ip::tcp::socket socket) {
      if (!self->acceptor_.is_open()) {
        return;
      }
      self->report(error ? error.message() : std::string());
      if (error) {
        self->again_ = self->timers_.call_after(accept_again, [impl = self.get()]() { impl->accept_next(); });
        return;
      }
      self->add(std::move(socket));
      self->accept_next();
    });
  }

  void report(const std::string& failure) {
    if (std::exchange(failure_, failure) != failure) {
      accepting_(failure);
    }
  }

  void add(asio::ip::tcp::socket socket) {
    if (connections_.size() >= max_connections) {
      connections_.front()->close();
    }
    connections_.push_back(std::make_shared<Connection>(
        std::move(socket), timers_,
        Connection::Handlers{
            .respond = [this](const Request& request) { return router_.respond(request); },
            .active =
                [this](const Connection& active) {
                  connections_.splice(connections_.end(), connections_, place_of(active));
                },
            .ended = [this](const Connection& ended) { connections_.erase(place_of(ended)); }}));
    connections_.back()->start();
  }

  [[nodiscard]] std::list<std::shared_ptr<Connection>>::iterator place_of(const Connection& connection) {
    return std::ranges::find(connections_, &connection, &std::shared_ptr<Connection>::get);
  }

  Timers& timers_;
  Router router_;
  std::function<void(const std::string&)> accepting_;
  std::string failure_;  ///< of the last accept; empty if it succeeded
  asio::ip::tcp::acceptor acceptor_;
  Timers::Pending again_;
  std::list<std::shared_ptr<Connection>> connections_;  ///< the one that was active last is last
};

Server::Server(asio::io_context& loop, Timers& timers, std::vector<Route> routes,
               std::function<void(const std::string&)> accepting)
    : impl_(std::make_shared<Impl>(loop, timers, std::move(routes), std::move(accepting))) {}

Server::~Server() { impl_->stop(); }

void Server::start(FileDescriptor listening) { impl_->start(std::move(listening)); }
void Server::stop() { impl_->stop(); }

}  // namespace rancher_cnode::http
