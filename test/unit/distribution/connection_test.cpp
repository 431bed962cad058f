#include "rancher_cnode/distribution/connection.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/post.hpp>
#include <optional>
#include <thread>

#include "bytes.hpp"
#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

namespace {

constexpr Connection::Timing slow{Milliseconds(60'000), Milliseconds(120'000), Milliseconds(60'000)};
const std::string tick(4, '\0');
const Pid ours{"cn@127.0.0.1", 1, 0, 9};

std::vector<char> hello() { return encode_reg_send(ours, "status", TermWriter().atom("hello").take()); }

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

  asio::io_context loop;
  FileDescriptor peer;
  std::shared_ptr<Connection> connection;
  std::vector<std::string> messages;
  std::optional<Error> closed;
  std::function<void()> on_message;
};

}  // namespace

TEST_CASE("messages arrive whole and in order, however the bytes come") {
  Connected connected;
  const auto stream = join({hello(), tick_frame(), hello(), hello()});
  for (const char byte : stream) {
    raw_send(connected.peer, std::string_view(&byte, 1));
    connected.loop.poll();
  }
  run_until(connected.loop, "three messages", [&] { return connected.messages.size() == 3; });
  CHECK(connected.messages == std::vector<std::string>{"hello", "hello", "hello"});
  CHECK_FALSE(connected.closed);
}

TEST_CASE("a tick is answered with a tick") {
  Connected connected;
  run_for(connected.loop, Milliseconds(150));  // no tick is due right after one of ours
  raw_send(connected.peer, tick);
  run_until(connected.loop, "the answer", [&] { return connected.peer_can_read(); });
  CHECK(raw_receive(connected.peer, 4) == tick);
}

TEST_CASE("two nodes that answer every tick do not play ping-pong") {
  constexpr int rounds = 4;
  const auto begun = Clock::now();
  Connected connected;
  for (int i = 0; i < rounds; ++i) {
    // Sent again and again, as by a node that answers at once, until one of them is answered.
    run_until(connected.loop, "an answer", [&] {
      raw_send(connected.peer, tick);
      return connected.peer_can_read();
    });
    CHECK(raw_receive(connected.peer, 4) == tick);
  }
  CHECK(Clock::now() - begun >= Milliseconds(100) * rounds);
}

TEST_CASE("a connection that is silent on our side ticks by itself") {
  Connected connected({Milliseconds(30), Milliseconds(60'000), Milliseconds(10)});
  run_until(connected.loop, "a tick", [&] { return connected.peer_can_read(); });
  CHECK(raw_receive(connected.peer, 4) == tick);
}

TEST_CASE("a connection does not tick before its time, however often it is checked") {
  Connected connected({Milliseconds(60'000), Milliseconds(60'000), Milliseconds(5)});
  run_for(connected.loop, Milliseconds(50));
  CHECK_FALSE(connected.peer_can_read());
}

TEST_CASE("a peer that sends nothing for too long is gone") {
  Connected connected({Milliseconds(60'000), Milliseconds(80), Milliseconds(10)});
  connected.wait_closed();
  CHECK(connected.closed->code == ErrorCode::timeout);
  CHECK(raw_closed(connected.peer));
}

TEST_CASE("a pause of this process does not count as silence of the peer") {
  Connected connected({Milliseconds(60'000), Milliseconds(400), Milliseconds(20)});
  run_for(connected.loop, Milliseconds(50));
  std::this_thread::sleep_for(Milliseconds(800));  // as if stopped: the loop does not turn
  run_for(connected.loop, Milliseconds(50));
  CHECK_FALSE(connected.closed);
  connected.wait_closed();
}

TEST_CASE("a peer whose host acknowledges nothing for 60 s is gone, however long it may be silent") {
  asio::io_context loop;
  auto [one, other] = raw_pair();
  const int socket = one.get();
  const auto connection =
      std::make_shared<Connection>(loop, std::move(one), Connection::Timing(), Connection::Handlers{});
  unsigned limit_ms = 0;
  socklen_t size = sizeof(limit_ms);
  REQUIRE(::getsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, &size) == 0);
  CHECK(limit_ms == 60'000);
  connection->close_silently();
}

TEST_CASE("a peer that ticks but does not read is gone as well") {
  Connected connected({Milliseconds(60'000), Milliseconds(60'000), Milliseconds(10), Milliseconds(500)});
  const auto frame = encode_reg_send(ours, "x", TermWriter().binary(std::string(12U << 20U, 'b')).take());
  const auto begun = Clock::now();
  connected.connection->send(frame);
  run_until(connected.loop, "the connection's end", [&] {
    raw_send(connected.peer, tick);
    return connected.closed.has_value();
  });
  // It is looked at every 10 ms, and the last look before the frame counts.
  CHECK(Clock::now() - begun >= Milliseconds(490));
  CHECK(connected.closed == Error{ErrorCode::timeout, "the other side does not read what we send"});
}

TEST_CASE("no tick is queued behind what already waits to be sent") {
  Connected connected({Milliseconds(10), Milliseconds(60'000), Milliseconds(5)});
  connected.connection->send(std::vector<char>(Connection::max_unsent_bytes / 2, 'x'));
  const auto room = connected.connection->room();
  run_for(connected.loop, Milliseconds(120));
  raw_send(connected.peer, tick);
  run_for(connected.loop, Milliseconds(30));
  CHECK(connected.connection->room() == room);
}

TEST_CASE("by default we tick every 15 s of silence, and wait for the ticks of a net_ticktime of 2 h") {
  static_assert(Connection::Timing().tick_after == std::chrono::seconds(15));
  // A BEAM ticks every quarter of its net_ticktime; one tick late is half of it.
  static_assert(Connection::Timing().silence_limit == std::chrono::hours(2) / 2);
  // Seen in time for both, and our tick is there before a BEAM with the default net_ticktime misses one.
  static_assert(Connection::Timing().check_every <= std::chrono::seconds(5));
}

TEST_CASE("a connection that sends without end leaves the loop to others after a few frames") {
  Connected connected;
  constexpr std::size_t many = 2'000;
  std::size_t seen_by_another = 0;
  connected.on_message = [&] {
    if (connected.messages.size() == 1) {
      asio::post(connected.loop, [&] { seen_by_another = connected.messages.size(); });
    }
  };
  TermBytes stream;
  for (std::size_t i = 0; i < many; ++i) {
    const auto frame = hello();
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  raw_send(connected.peer, stream);
  run_until(connected.loop, "every message", [&] { return connected.messages.size() == many; });
  CHECK(seen_by_another > 0);
  CHECK(seen_by_another <= 64);
}

TEST_CASE("a peer that ticks stays") {
  Connected connected({Milliseconds(60'000), Milliseconds(1'500), Milliseconds(10)});
  const auto end = Clock::now() + Milliseconds(2'000);
  while (Clock::now() < end) {
    raw_send(connected.peer, tick);
    run_for(connected.loop, Milliseconds(50));
  }
  CHECK_FALSE(connected.closed);
}

TEST_CASE("a frame that breaks the protocol ends the connection") {
  const struct {
    const char* what;
    TermBytes bytes;
    ErrorCode code;
  } rows[] = {
      {"4 GiB", hex("ffffffff"), ErrorCode::too_large},
      {"no pass-through", hex("0000000100"), ErrorCode::malformed},
      {"no term", hex("0000000270ff"), ErrorCode::malformed},
      {"a term that is cut off", hex("00000005708368ff61"), ErrorCode::malformed},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Connected connected;
    raw_send(connected.peer, hello());
    raw_send(connected.peer, row.bytes);
    connected.wait_closed();
    CHECK(connected.closed->code == row.code);
    CHECK(connected.messages.size() == 1);
    CHECK(raw_closed(connected.peer));
  }
}

TEST_CASE("the connection ends when the other side closes it, even in the middle of a frame") {
  for (const auto* begun : {"", "0000", "00000010", "000000107083"}) {
    CAPTURE(begun);
    Connected connected;
    raw_send(connected.peer, hex(begun));
    connected.peer.reset();
    connected.wait_closed();
    CHECK(connected.closed->code == ErrorCode::unavailable);
  }
}

TEST_CASE("what is sent arrives whole and in order") {
  Connected connected;
  std::string sent;
  for (int i = 0; i < 2000; ++i) {
    const auto frame =
        encode_reg_send(ours, "x", TermWriter().binary(std::string(static_cast<std::size_t>(i), 'b')).take());
    sent.append(frame.begin(), frame.end());
    connected.connection->send(frame);
  }
  std::string received;
  run_until(connected.loop, "all that was sent", [&] {
    received += connected.receive();
    return received.size() >= sent.size();
  });
  CHECK(received == sent);
}

TEST_CASE("16 MiB may wait for a peer that does not read, and one byte more ends the connection") {
  Connected connected;
  connected.connection->send(std::vector<char>(Connection::max_unsent_bytes, 'x'));
  CHECK(connected.connection->room() == 0);
  connected.loop.poll();
  CHECK_FALSE(connected.closed);
  connected.connection->send({'x'});
  connected.wait_closed();
  CHECK(connected.closed == Error{ErrorCode::too_large, "the other side does not read what we send"});
}

TEST_CASE("what was sent leaves room for more, however much it was in all") {
  Connected connected;
  constexpr std::size_t size = std::size_t{1} << 20U;
  for (std::size_t sent = 0; sent <= Connection::max_unsent_bytes; sent += size) {
    connected.connection->send(std::vector<char>(size, 'x'));
    std::size_t received = 0;
    run_until(connected.loop, "all that was sent", [&] {
      received += connected.receive().size();
      return received == size && connected.connection->room() == Connection::max_unsent_bytes;
    });
  }
  CHECK_FALSE(connected.closed);
}

TEST_CASE("the receiver of a message may close the connection, and gets no message after that") {
  Connected connected;
  connected.on_message = [&] { connected.connection->close({ErrorCode::cancelled, "enough"}); };
  raw_send(connected.peer, join({hello(), hello()}));
  connected.wait_closed();
  CHECK(connected.closed == Error{ErrorCode::cancelled, "enough"});
  CHECK(connected.messages.size() == 1);
}

TEST_CASE("closed is called later, never from inside close") {
  Connected connected;
  connected.connection->close({ErrorCode::cancelled, "first"});
  connected.connection->close({ErrorCode::cancelled, "second"});
  CHECK_FALSE(connected.closed);
  connected.wait_closed();
  CHECK(connected.closed->message == "first");
  connected.connection->send(hello());
}

TEST_CASE("a connection closed silently calls no handler, in any state") {
  Connected connected;
  SUBCASE("open") {}
  SUBCASE("closing") { connected.connection->close({ErrorCode::cancelled, "closed"}); }
  SUBCASE("with messages unread") { raw_send(connected.peer, hello()); }
  connected.connection->close_silently();
  CHECK(raw_closed(connected.peer));
  run_for(connected.loop, Milliseconds(20));
  CHECK_FALSE(connected.closed);
  CHECK(connected.messages.empty());
}

TEST_CASE("last frames are sent before a connection closes silently") {
  Connected connected;
  const auto frame = hello();
  connected.connection->close_silently(frame);
  CHECK(raw_receive(connected.peer, frame.size() + 1) == std::string(frame.begin(), frame.end()));
}

TEST_CASE("no last frame follows one that is half written") {
  Connected connected;
  const std::vector<char> large(Connection::max_unsent_bytes, 'x');
  connected.connection->send(large);
  connected.loop.poll();
  std::string received = connected.receive();  // makes room, of which the loop has not heard
  REQUIRE(received.size() < large.size());
  connected.connection->close_silently(hello());
  received += raw_receive(connected.peer, large.size());
  CHECK(received == std::string(received.size(), 'x'));
}

TEST_CASE("last frames do not block on a peer that does not read") {
  Connected connected;
  constexpr std::size_t size = std::size_t{64} << 20U;
  connected.connection->close_silently(std::vector<char>(size, 'x'));
  CHECK(raw_receive(connected.peer, size).size() < size);
}

TEST_CASE("a socket that the loop cannot watch ends the connection, and not the program") {
  asio::io_context loop;
  std::optional<Error> closed;
  const auto connection = std::make_shared<Connection>(
      loop, FileDescriptor(-1), slow,
      Connection::Handlers{[](const Message&) {}, [&](const Error& why) { closed = why; }});
  connection->start();
  run_until(loop, "the connection's end", [&] { return closed.has_value(); });
  CHECK(closed->code == ErrorCode::unavailable);
}
