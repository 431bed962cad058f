// What is sent and received over a connection, and how it ends.
#include "rancher_cnode/distribution/connection.hpp"

#include <doctest/doctest.h>

#include <boost/asio/post.hpp>
#include <optional>

#include "bytes.hpp"
#include "connected.hpp"
#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

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
