#include "support/unit/scripted_server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

namespace rancher_cnode::testing {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds longest_wait(10);

tcp::endpoint loopback() { return {asio::ip::address_v4::loopback(), 0}; }

std::string url_of(const tcp::acceptor& acceptor) {
  return "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
}

}  // namespace

struct ScriptedServer::Connection {
  tcp::socket socket;
  std::thread thread;
};

class ScriptedServer::Impl {
 public:
  explicit Impl(Script to_run)
      : script(std::move(to_run)), acceptor(io, loopback()), accepting([this] { accept(); }) {}
  ~Impl();

  void accept();
  void serve(Connection& connection, int number);

  Script script;
  asio::io_context io;
  tcp::acceptor acceptor;
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::list<Connection> connections;
  std::vector<std::string> targets;
  std::thread accepting;
};

bool ScriptedServer::Peer::send(std::string_view bytes) {
  error_code error;
  asio::write(connection_.socket, asio::buffer(bytes), error);
  if (error) {
    open_ = false;
  }
  return !error;
}

bool ScriptedServer::Peer::answer(int status, std::string_view body) {
  return send("HTTP/1.1 " + std::to_string(status) + " Said\r\nContent-Type: text/plain; charset=utf-8\r\n" +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
}

void ScriptedServer::Peer::hold() {
  open_ = false;
  char byte = 0;
  error_code ignored;
  connection_.socket.read_some(asio::buffer(&byte, 1), ignored);
}

bool ScriptedServer::Peer::pass(std::chrono::milliseconds time) {
  std::unique_lock lock(server_.mutex);
  return !server_.changed.wait_for(lock, time, [this] { return server_.stopping; });
}

ScriptedServer::Impl::~Impl() {
  {
    const std::scoped_lock lock(mutex);
    stopping = true;
    error_code ignored;
    for (auto& connection : connections) {
      connection.socket.shutdown(tcp::socket::shutdown_both, ignored);
    }
    // Wakes the blocking accept; closing it from here would race with it.
    ::shutdown(acceptor.native_handle(), SHUT_RDWR);
  }
  changed.notify_all();
  accepting.join();
  for (auto& connection : connections) {
    connection.thread.join();
  }
}

ScriptedServer::ScriptedServer(Script script) : impl_(std::make_unique<Impl>(std::move(script))) {}
ScriptedServer::~ScriptedServer() = default;

std::string ScriptedServer::url() const { return url_of(impl_->acceptor); }

int ScriptedServer::connections() const {
  const std::scoped_lock lock(impl_->mutex);
  return static_cast<int>(impl_->connections.size());
}

std::vector<std::string> ScriptedServer::targets() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->targets;
}

bool ScriptedServer::await_requests(std::size_t count) {
  std::unique_lock lock(impl_->mutex);
  return impl_->changed.wait_for(lock, longest_wait, [&] { return impl_->targets.size() >= count; });
}

bool ScriptedServer::await_target(std::string_view part) {
  std::unique_lock lock(impl_->mutex);
  return impl_->changed.wait_for(lock, longest_wait, [&] {
    return std::any_of(impl_->targets.begin(), impl_->targets.end(),
                       [&](const std::string& target) { return target.find(part) != std::string::npos; });
  });
}

void ScriptedServer::Impl::accept() {
  for (;;) {
    error_code error;
    tcp::socket socket = acceptor.accept(error);
    const std::scoped_lock lock(mutex);
    if (stopping || error) {
      return;
    }
    connections.push_back({std::move(socket), {}});
    auto& connection = connections.back();
    const int number = static_cast<int>(connections.size());
    connection.thread = std::thread([this, &connection, number] { serve(connection, number); });
  }
}

void ScriptedServer::Impl::serve(Connection& connection, int number) {
  Peer peer(*this, connection);
  std::string received;
  for (int request = 1; peer.open(); ++request) {
    error_code error;
    const std::size_t size =
        asio::read_until(connection.socket, asio::dynamic_buffer(received), "\r\n\r\n", error);
    if (error) {
      break;
    }
    const std::string head = received.substr(0, size);
    received.erase(0, size);
    const std::size_t begin = head.find(' ') + 1;
    std::string target = head.substr(begin, head.find(' ', begin) - begin);
    {
      const std::scoped_lock lock(mutex);
      targets.push_back(target);
    }
    changed.notify_all();
    script({std::move(target), head, number, request}, peer);
  }
  error_code ignored;
  const std::scoped_lock lock(mutex);
  connection.socket.shutdown(tcp::socket::shutdown_both, ignored);
}

class FullListener::Sockets {
 public:
  Sockets() : acceptor(io, loopback(), false) {
    acceptor.listen(0);
    for (auto& socket : queued) {
      socket.open(tcp::v4());
      socket.native_non_blocking(true);
      const tcp::endpoint to = acceptor.local_endpoint();
      // Asio's own connect would wait.
      ::connect(socket.native_handle(), to.data(), static_cast<socklen_t>(to.size()));
    }
  }
  asio::io_context io;
  tcp::acceptor acceptor;
  std::array<tcp::socket, 4> queued{tcp::socket(io), tcp::socket(io), tcp::socket(io), tcp::socket(io)};
};

FullListener::FullListener() : sockets_(std::make_unique<Sockets>()) {}
FullListener::~FullListener() = default;
std::string FullListener::url() const { return url_of(sockets_->acceptor); }

std::string url_where_nobody_listens() {
  asio::io_context io;
  return url_of(tcp::acceptor(io, loopback()));
}

}  // namespace rancher_cnode::testing
