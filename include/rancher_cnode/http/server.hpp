// A small HTTP/1.1 server (RFC 9110, RFC 9112): GET and HEAD on a fixed table of routes. Used by the agent.
// On the loop.
//
// Whoever reaches the port may send anything. So everything has a limit: size and time of a request, time of
// an answer, number of connections. The connection that has done nothing for the longest time makes room for
// a new one, and an answer is computed at most once in `answer_lifetime`: a flood costs neither the loop nor
// an honest client more than that.
//
// Browsers are kept from lending the port to a foreign page: no answer allows another origin, and a Host that
// an attacker's DNS could point at this address is refused (see host_header.hpp).
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/file_descriptor.hpp"
#include "rancher_cnode/core/timers.hpp"

namespace rancher_cnode::http {

struct Answer {
  unsigned status = 200;
  std::string body;
};

struct Route {
  /// Nothing may be loaded, run or framed.
  static constexpr const char* allows_nothing = "default-src 'none'; frame-ancestors 'none'";

  std::string path;          ///< exact; a query is ignored
  std::string content_type;  ///< with its charset
  std::function<Answer()> answer;
  std::string content_security_policy = allows_nothing;
};

class Server {
 public:
  static constexpr std::size_t max_connections = 32;
  static constexpr std::size_t max_head_bytes = 8'192;  ///< request line and header fields
  static constexpr Milliseconds read_limit{5'000};      ///< from the first byte of a request to its end
  static constexpr Milliseconds idle_limit{60'000};     ///< between two requests of one connection
  static constexpr Milliseconds write_limit{10'000};    ///< until the client has taken a whole answer
  static constexpr Milliseconds close_limit{1'000};     ///< until the client has closed after the last answer
  static constexpr Milliseconds answer_lifetime{250};
  /// Delay after a failed accept (out of descriptors), so that the loop does not spin.
  static constexpr Milliseconds accept_again{100};

  /// `loop` and `timers` must outlive it. `accepting` gets why connections cannot be accepted from now on,
  /// and an empty text once they can.
  Server(boost::asio::io_context& loop, Timers& timers, std::vector<Route> routes,
         std::function<void(const std::string& failure)> accepting);
  /// stop()
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves what connects to this listening socket. Once.
  void start(FileDescriptor listening);
  /// Closes everything; no route is asked after it.
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace rancher_cnode::http
