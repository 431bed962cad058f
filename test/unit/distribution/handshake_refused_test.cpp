// Inbound connections that send something other than a handshake.
#include <doctest/doctest.h>

#include "handshake_sides.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;

TEST_CASE("an inbound connection that sends no handshake is closed at once") {
  const std::string good = name_packet("bob@127.0.0.1");
  const struct {
    const char* what;
    std::string bytes;
    ErrorCode code;
  } rows[] = {
      {"nothing", "", ErrorCode::refused},
      {"half a length", hexed("00"), ErrorCode::refused},
      {"half a name", good.substr(0, 10), ErrorCode::refused},
      {"a length of 0", hexed("0000"), ErrorCode::malformed},
      {"a length of 65535", hexed("ffff"), ErrorCode::malformed},
      {"an HTTP request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ErrorCode::malformed},
      {"a TLS hello", hexed("16030100a5010000a10303"), ErrorCode::malformed},
      {"an unknown tag", packet("Xbob"), ErrorCode::malformed},
      {"a name that is shorter than its fixed part", packet("N1234567"), ErrorCode::malformed},
      {"a name that is longer than its packet", packet(hexed("4e0000000d07df7fbd6b049d85ffff") + "x"),
       ErrorCode::malformed},
      {"an empty name", packet(hexed("4e0000000d07df7fbd6b049d850000")), ErrorCode::malformed},
      {"an old name without a name", packet(hexed("6e000507df7fbd")), ErrorCode::malformed},
      {"a name of 256 characters", packet(hexed("4e0000000d07df7fbd6b049d850100") + std::string(256, 'x')),
       ErrorCode::malformed},
      {"a name without the flags that we need", packet(hexed("4e00000000000000006b049d850001") + "x"),
       ErrorCode::refused},
      {"a status", packet("sok"), ErrorCode::malformed},
      {"a reply before the challenge", packet("r" + std::string(20, 'x')), ErrorCode::refused},
      {"a reply that is too short", good + packet("r123"), ErrorCode::malformed},
      {"a reply that is too long", good + packet("r" + std::string(21, 'x')), ErrorCode::malformed},
      {"a wrong reply", good + packet("r" + std::string(20, 'x')), ErrorCode::refused},
      {"a name in place of the reply", good + good, ErrorCode::refused},
      {"an acknowledgement in place of the reply", good + packet("a" + std::string(16, 'x')),
       ErrorCode::malformed},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    const auto result = inbound_result(row.bytes);
    REQUIRE_FALSE(result);
    CHECK(result.error().error.code == row.code);
  }
}

TEST_CASE(
    "an inbound connection with a malformed name, or none, gets no challenge and is not reported as too "
    "old") {
  const struct {
    std::string says;
    Error error;
  } rows[] = {
      {packet(hexed("4e0000000d07df7fbd6b049d850000")),
       {ErrorCode::malformed, "the peer does not speak the distribution protocol"}},
      {packet("r" + std::string(20, 'x')),
       {ErrorCode::refused, "it closed the connection before it sent a valid name"}},
  };
  for (const auto& row : rows) {
    const auto taken = inbound_result(row.says);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().stage == HandshakeStage::name);
    CHECK(taken.error().error == row.error);
  }
}

TEST_CASE("a packet of 2048 bytes is read, and a larger one is refused") {
  const std::string name = name_packet("bob@127.0.0.1").substr(2);
  const auto padded_to = [&](std::size_t size) {
    return packet(name + std::string(size - name.size(), 'x'));
  };
  CHECK(inbound_result(padded_to(2'048)).error().stage == HandshakeStage::challenge);
  const auto refused = inbound_result(padded_to(2'049)).error();
  CHECK(refused.stage == HandshakeStage::name);
  CHECK(refused.error.code == ErrorCode::malformed);
}

TEST_CASE("a reset connection counts as a refusal, like a closed one") {
  const HandshakeStop stop;
  const auto reset = [](FileDescriptor& socket) {
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
    socket.reset();
  };
  SUBCASE("a peer, after our name") {
    const RawListener listener;
    auto running = connecting(alice, bob.name, listener.port(), stop);
    auto peer = listener.accept();
    raw_receive(peer, 2 + 15 + alice.name.str().size());
    reset(peer);
    CHECK(running.get().error().error ==
          Error{ErrorCode::refused,
                "the peer closed the connection after our name: it refuses the name or the flags"});
  }
  SUBCASE("an inbound connection, before its name") {
    auto [inbound, accepted] = raw_pair();
    reset(inbound);
    CHECK(accepting(alice, std::move(accepted), stop).get().error().error.code == ErrorCode::refused);
  }
  SUBCASE("an inbound connection that closed before our status") {
    auto [inbound, accepted] = raw_pair();
    raw_send(inbound, name_packet("bob@127.0.0.1"));
    inbound.reset();
    CHECK(accepting(alice, std::move(accepted), stop).get().error().error.code == ErrorCode::refused);
  }
}

TEST_CASE("every truncation of an inbound connection's packets is refused, whatever their length says") {
  for (const auto* tag : {"4e", "6e", "72", "63", "73", "61"}) {
    for (std::size_t length = 1; length < 40; ++length) {
      CAPTURE(tag);
      CAPTURE(length);
      CHECK_FALSE(inbound_result(packet(hexed(tag) + std::string(length - 1, '\xff'))));
      CHECK_FALSE(inbound_result(name_packet("bob@127.0.0.1") +
                                 packet(hexed(tag) + std::string(length - 1, '\xff'))));
    }
  }
}

TEST_CASE("every truncation of a peer's packets is refused, whatever their length says") {
  for (const auto* tag : {"4e", "6e", "72", "63", "73", "61"}) {
    for (std::size_t length = 1; length < 40; ++length) {
      CAPTURE(tag);
      CAPTURE(length);
      const auto odd = packet(hexed(tag) + std::string(length - 1, '\xff'));
      CHECK_FALSE(peer_result(odd));
      CHECK_FALSE(peer_result(packet("sok") + odd));
      CHECK_FALSE(peer_result(packet("sok") + challenge_packet("bob@127.0.0.1") + odd));
    }
  }
}

TEST_CASE("a peer's refusal is reported with its reason") {
  const std::string challenge = challenge_packet("bob@127.0.0.1");
  const struct {
    std::string says;
    HandshakeStage stage;
    ErrorCode code;
    const char* message;
  } rows[] = {
      {"", HandshakeStage::name, ErrorCode::refused,
       "the peer closed the connection after our name: it refuses the name or the flags"},
      {packet("snok"), HandshakeStage::status, ErrorCode::unavailable,
       "the peer is connecting to us at the same moment"},
      {packet("salive"), HandshakeStage::status, ErrorCode::unavailable,
       "the peer still has a connection to this node name: an older one of ours, or another program's"},
      {packet("snot_allowed"), HandshakeStage::status, ErrorCode::refused,
       "the peer does not allow this node name"},
      {packet("sok"), HandshakeStage::status, ErrorCode::unavailable,
       "the peer closed the connection during the handshake"},
      {packet("sok_simultaneous"), HandshakeStage::status, ErrorCode::unavailable,
       "the peer closed the connection during the handshake"},
      {packet("sok") + challenge, HandshakeStage::challenge_ack, ErrorCode::refused,
       "the peer closed the connection after our challenge reply: most likely the cookies differ"},
      {packet("sok") + challenge + packet("a" + std::string(16, 'x')), HandshakeStage::challenge_ack,
       ErrorCode::refused, "the peer's challenge reply is wrong: most likely the cookies differ"},
      {"HTTP/1.0 400 Bad Request\r\n\r\n", HandshakeStage::name, ErrorCode::malformed,
       "the peer does not speak the distribution protocol"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.message);
    const auto result = peer_result(row.says);
    REQUIRE_FALSE(result);
    CHECK(result.error().stage == row.stage);
    CHECK(result.error().error == Error{row.code, row.message});
  }
}

TEST_CASE("a release that is too old is named as the reason, in both directions") {
  const std::string too_old = "its OTP release is too old (it lacks required capabilities)";
  const struct {
    const char* what;
    std::string says;
  } challenges[] = {
      {"without the flags that we need",
       packet(hexed("4e0000000000000000bf72584c6b049e06000d") + "bob@127.0.0.1")},
      {"as before OTP 23", packet(hexed("6e000507df7fbdbf72584c") + "bob@127.0.0.1")},
  };
  for (const auto& row : challenges) {
    CAPTURE(row.what);
    const auto made = peer_result(packet("sok") + row.says);
    REQUIRE_FALSE(made);
    CHECK(made.error().stage == HandshakeStage::challenge);
    CHECK(made.error().error == Error{ErrorCode::refused, too_old});
  }
  const auto taken = inbound_result(packet(hexed("4e00000000000000006b049d85000d") + "bob@127.0.0.1"));
  REQUIRE_FALSE(taken);
  CHECK(taken.error().stage == HandshakeStage::name);
  CHECK(taken.error().error == Error{ErrorCode::refused, too_old});
}

TEST_CASE("an inbound connection that closes in the middle of its name is not reported as too old") {
  const auto taken = inbound_result(name_packet("bob@127.0.0.1").substr(0, 10));
  REQUIRE_FALSE(taken);
  CHECK(taken.error().error ==
        Error{ErrorCode::refused, "it closed the connection before it sent a valid name"});
}
