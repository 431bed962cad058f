#include "scripted_server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace rancher_cnode::testing {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

tcp::endpoint loopback() { return {asio::ip::address_v4::loopback(), 0}; }

std::string url_of(const tcp::acceptor& acceptor) {
  return "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
}

}  // namespace

bool ScriptedServer::Peer::send(std::string_view bytes) {
  error_code error;
  asio::write(socket_, asio::buffer(bytes), error);
  if (error) open_ = false;
  return !error;
}

bool ScriptedServer::Peer::answer(int status, std::string_view body) {
  return send("HTTP/1.1 " + std::to_string(status) + " Said\r\nContent-Type: text/plain; charset=utf-8\r\n" +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
}

bool ScriptedServer::Peer::hold() {
  open_ = false;
  char byte = 0;
  error_code error;
  socket_.read_some(asio::buffer(&byte, 1), error);
  const std::scoped_lock lock(server_.mutex_);
  return !server_.stopping_;
}

bool ScriptedServer::Peer::pass(std::chrono::milliseconds time) {
  std::unique_lock lock(server_.mutex_);
  return !server_.changed_.wait_for(lock, time, [this] { return server_.stopping_; });
}

ScriptedServer::ScriptedServer(Script script)
    : script_(std::move(script)), acceptor_(io_, loopback()), accepting_([this] { accept(); }) {}

ScriptedServer::~ScriptedServer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    error_code ignored;
    for (auto& connection : connections_) connection.socket.shutdown(tcp::socket::shutdown_both, ignored);
    // Wakes the blocking accept; closing it from here would race with it.
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
  }
  changed_.notify_all();
  accepting_.join();
  for (auto& connection : connections_) connection.thread.join();
}

std::string ScriptedServer::url() const { return url_of(acceptor_); }

int ScriptedServer::connections() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<int>(connections_.size());
}

std::vector<std::string> ScriptedServer::targets() const {
  const std::scoped_lock lock(mutex_);
  return targets_;
}

bool ScriptedServer::await_requests(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return targets_.size() >= count; });
}

void ScriptedServer::accept() {
  for (;;) {
    error_code error;
    tcp::socket socket = acceptor_.accept(error);
    const std::scoped_lock lock(mutex_);
    if (stopping_ || error) return;
    connections_.push_back({std::move(socket), {}});
    auto& connection = connections_.back();
    const int number = static_cast<int>(connections_.size());
    connection.thread = std::thread([this, &connection, number] { serve(connection, number); });
  }
}

void ScriptedServer::serve(Connection& connection, int number) {
  Peer peer(*this, connection.socket);
  std::string received;
  for (int request = 1; peer.open(); ++request) {
    error_code error;
    const std::size_t size =
        asio::read_until(connection.socket, asio::dynamic_buffer(received), "\r\n\r\n", error);
    if (error) break;
    const std::string head = received.substr(0, size);
    received.erase(0, size);
    const std::size_t begin = head.find(' ') + 1;
    std::string target = head.substr(begin, head.find(' ', begin) - begin);
    {
      const std::scoped_lock lock(mutex_);
      targets_.push_back(target);
    }
    changed_.notify_all();
    script_({std::move(target), head, number, request}, peer);
  }
  error_code ignored;
  const std::scoped_lock lock(mutex_);
  connection.socket.shutdown(tcp::socket::shutdown_both, ignored);
}

std::string url_where_nobody_listens() {
  asio::io_context io;
  return url_of(tcp::acceptor(io, loopback()));
}

}  // namespace rancher_cnode::testing
