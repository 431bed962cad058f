// A server on loopback with a fake clock, and blocking clients whose reads let the server's loop run.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rancher_cnode/http/listening_port.hpp"
#include "rancher_cnode/http/server.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/loopback.hpp"

namespace rancher_cnode::http::test {

using distribution::test::loopback;
using distribution::test::raw_connect;
using distribution::test::raw_send;
using distribution::test::run_until;

inline constexpr const char* get_count = "GET /count HTTP/1.1\r\nHost: 10.42.0.7:9100\r\n\r\n";

struct Served {
  Served() { server.start(*port.open()); }

  /// Lets everything that can happen now happen.
  void settle() {
    loop.restart();
    while (loop.poll() > 0) {
    }
  }
  [[nodiscard]] FileDescriptor connect() {
    auto client = raw_connect(reserved.number());
    settle();
    return client;
  }

  std::vector<Route> routes() {
    return {{.path = "/count",
             .content_type = "text/plain; charset=utf-8",
             .answer =
                 [this] {
                   return Answer{status, std::to_string(++asked)};
                 }},
            {.path = "/large",
             .content_type = "text/x-large",
             .answer =
                 [] {
                   return Answer{200, std::string(large, 'x')};
                 },
             .content_security_policy = "default-src 'self'"}};
  }

  static constexpr std::size_t large = 50'000'000;

  boost::asio::io_context loop;
  agent::test::FakeTimers timers;
  distribution::test::ReservedPort reserved;
  ListeningPort port{loopback, reserved.number()};
  unsigned status = 200;
  int asked = 0;
  std::vector<std::string> accepting;
  Server server{loop, timers, routes(), [this](const std::string& failure) { accepting.push_back(failure); }};
};

struct Reply {
  std::string head;
  std::string body;
  [[nodiscard]] bool has(std::string_view line) const {
    return (head + "\r\n").find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
  }
  [[nodiscard]] std::string status_line() const { return head.substr(0, head.find("\r\n")); }
};

inline std::size_t length_in(const std::string& head) {
  const std::string field = "\r\nContent-Length: ";
  const auto at = head.find(field);
  REQUIRE(at != std::string::npos);
  return std::stoul(head.substr(at + field.size()));
}

/// What has arrived so far; `closed` once the server has closed.
struct Received {
  std::string bytes;
  bool closed = false;
  void take(const FileDescriptor& client) {
    std::array<char, 65'536> part{};
    while (true) {
      const auto got = ::recv(client.get(), part.data(), part.size(), MSG_DONTWAIT);
      if (got <= 0) {
        closed = got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
        return;
      }
      bytes.append(part.data(), static_cast<std::size_t>(got));
    }
  }
};

/// `bodiless`: to HEAD.
enum class Body { present, absent };

inline Reply receive(Served& served, const FileDescriptor& client, Body body = Body::present) {
  Received received;
  std::size_t end = std::string::npos;
  const auto whole = [&] {
    received.take(client);
    end = received.bytes.find("\r\n\r\n");
    return end != std::string::npos &&
           (body == Body::absent ||
            received.bytes.size() >= end + 4 + length_in(received.bytes.substr(0, end)));
  };
  run_until(served.loop, "a whole response", whole);
  served.settle();
  return {received.bytes.substr(0, end), received.bytes.substr(end + 4)};
}

inline Reply exchange(Served& served, const FileDescriptor& client, std::string_view request,
                      Body body = Body::present) {
  raw_send(client, request);
  return receive(served, client, body);
}

inline Reply ask(Served& served, std::string_view request) {
  return exchange(served, served.connect(), request);
}

inline std::string request_for(const std::string& path, const std::string& host = "localhost") {
  return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

inline void await_close(Served& served, const FileDescriptor& client) {
  Received received;
  run_until(served.loop, "the server's close", [&] {
    received.take(client);
    return received.closed;
  });
}

inline bool is_open(Served& served, const FileDescriptor& client) {
  served.settle();
  Received received;
  received.take(client);
  return !received.closed;
}

}  // namespace rancher_cnode::http::test
