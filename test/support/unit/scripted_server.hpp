// A tiny HTTP/1.1 server on loopback whose every answer is a script of the test: real sockets, any
// misbehaviour.
//
// Each connection has a thread of its own that reads one request after another and runs the script on it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rancher_cnode::testing {

class ScriptedServer {
  class Impl;
  struct Connection;

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
    Peer(Impl& server, Connection& connection) : server_(server), connection_(connection) {}

    /// Raw bytes. False once the client is gone.
    bool send(std::string_view bytes);
    /// A whole answer with its length; the connection stays.
    bool answer(int status, std::string_view body);
    /// The connection ends after this script.
    void close() { open_ = false; }
    /// Blocks until the client hangs up or the server stops.
    void hold();
    /// Lets time pass. False if the server stops meanwhile.
    bool pass(std::chrono::milliseconds time);
    [[nodiscard]] bool open() const { return open_; }

   private:
    Impl& server_;
    Connection& connection_;
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
  /// Blocks until a target contains `part`. False after 10 s.
  bool await_target(std::string_view part);

 private:
  std::unique_ptr<Impl> impl_;
};

/// A listener on loopback that never accepts and whose queue is full: the packets of those who connect
/// vanish.
class FullListener {
 public:
  FullListener();
  ~FullListener();
  FullListener(const FullListener&) = delete;
  FullListener& operator=(const FullListener&) = delete;
  [[nodiscard]] std::string url() const;

 private:
  class Sockets;
  std::unique_ptr<Sockets> sockets_;
};

/// A base URL on loopback without a listener.
[[nodiscard]] std::string url_where_nobody_listens();

}  // namespace rancher_cnode::testing
