// A tiny HTTP/1.1 server on loopback whose every answer is a script of the test: real sockets, any
// misbehaviour.
//
// Each connection has a thread of its own that reads one request after another and runs the script on it.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace rancher_cnode::testing {

class ScriptedServer {
 public:
  struct Request {
    std::string target;  ///< path and query
    std::string head;    ///< all header lines
    int connection;      ///< counted from 1
    int number;          ///< on its connection, counted from 1
  };

  /// The client's end of one connection, as a script sees it.
  class Peer {
   public:
    Peer(ScriptedServer& server, boost::asio::ip::tcp::socket& socket) : server_(server), socket_(socket) {}

    /// Raw bytes. False once the client is gone.
    bool send(std::string_view bytes);
    /// A whole answer with its length; the connection stays.
    bool answer(int status, std::string_view body);
    /// The connection ends after this script.
    void close() { open_ = false; }
    /// Blocks until the client hangs up or the server stops. True if the client hung up.
    bool hold();
    /// Lets time pass. False if the server stops meanwhile.
    bool pass(std::chrono::milliseconds time);
    [[nodiscard]] bool open() const { return open_; }

   private:
    ScriptedServer& server_;
    boost::asio::ip::tcp::socket& socket_;
    bool open_ = true;
  };

  /// Runs on the connections' threads, several at a time.
  using Script = std::function<void(const Request&, Peer&)>;

  explicit ScriptedServer(Script script);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::string url() const;
  [[nodiscard]] int connections() const;
  /// The targets of all requests so far.
  [[nodiscard]] std::vector<std::string> targets() const;
  /// Blocks until that many requests have come. False after 10 s.
  bool await_requests(std::size_t count);

 private:
  struct Connection {
    boost::asio::ip::tcp::socket socket;
    std::thread thread;
  };

  void accept();
  void serve(Connection& connection, int number);

  Script script_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::list<Connection> connections_;
  std::vector<std::string> targets_;
  std::thread accepting_;
};

/// A base URL on loopback where nobody listens.
[[nodiscard]] std::string url_where_nobody_listens();

}  // namespace rancher_cnode::testing
