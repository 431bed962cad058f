// Ticks of a connection, and what it takes for a peer that is gone.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <thread>

#include "connected.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;
namespace asio = boost::asio;

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

TEST_CASE("a peer that ticks stays") {
  Connected connected({Milliseconds(60'000), Milliseconds(1'500), Milliseconds(10)});
  const auto end = Clock::now() + Milliseconds(2'000);
  while (Clock::now() < end) {
    raw_send(connected.peer, tick);
    run_for(connected.loop, Milliseconds(50));
  }
  CHECK_FALSE(connected.closed);
}
