// A connection whose other end is a raw socket. Used by the tests of connection.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/distribution/connection.hpp"
#include "support/unit/loopback.hpp"

namespace rancher_cnode::distribution::test {

inline constexpr Connection::Timing slow{Milliseconds(60'000), Milliseconds(120'000), Milliseconds(60'000)};
inline const std::string tick(4, '\0');
inline const Pid ours{"cn@127.0.0.1", 1, 0, 9};

inline std::vector<char> hello() {
  return encode_reg_send(ours, "status", TermWriter().atom("hello").take());
}

/// A connection and the raw other end of its socket.
struct Connected {
  explicit Connected(Connection::Timing timing = slow) {
    auto [one, other] = raw_pair();
    make_non_blocking(one);
    peer = std::move(other);
    connection =
        std::make_shared<Connection>(loop, std::move(one), timing,
                                     Connection::Handlers{[this](const Message& message) {
                                                            messages.push_back(printed(message.payload));
                                                            if (on_message) {
                                                              on_message();
                                                            }
                                                          },
                                                          [this](const Error& why) {
                                                            REQUIRE_FALSE(closed);
                                                            closed = why;
                                                          }});
    connection->start();
  }
  ~Connected() {
    connection->close_silently();
    run_for(loop, Milliseconds(1));
  }

  /// A tick, or the begin of it, has arrived at the peer.
  [[nodiscard]] bool peer_can_read() const {
    char byte = 0;
    return ::recv(peer.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
  }

  /// What has arrived at the peer by now.
  [[nodiscard]] std::string receive() const {
    std::string received;
    std::array<char, 65536> bytes{};
    for (auto got = ssize_t{1}; got > 0;) {
      got = ::recv(peer.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (got > 0) {
        received.append(bytes.data(), static_cast<std::size_t>(got));
      }
    }
    return received;
  }

  void wait_closed() {
    run_until(loop, "the connection's end", [this] { return closed.has_value(); });
  }

  boost::asio::io_context loop;
  FileDescriptor peer;
  std::shared_ptr<Connection> connection;
  std::vector<std::string> messages;
  std::optional<Error> closed;
  std::function<void()> on_message;
};

}  // namespace rancher_cnode::distribution::test
