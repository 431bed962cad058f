#include "rancher_cnode/distribution/handshake.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <optional>

#include "bytes.hpp"
#include "loopback.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;

namespace {

NodeName name(const char* text) { return *NodeName::parse(text); }

const Identity alice{name("alice@127.0.0.1"), Cookie("secret"), 1001};
const Identity bob{name("bob@127.0.0.1"), Cookie("secret"), 1002};
const Identity mallory{name("bob@127.0.0.1"), Cookie("guess"), 1003};

TimePoint soon(Milliseconds limit = patience) { return Clock::now() + limit; }

/// A handshake of ours on a thread, as on a pool.
using Running = std::future<HandshakeResult>;

Running connecting(const Identity& self, const NodeName& peer, std::uint16_t port, const HandshakeStop& stop,
                   Milliseconds limit = patience) {
  return std::async(std::launch::async, [&self, peer, port, &stop, limit] {
    return connect_handshake(self, peer, loopback, port, soon(limit), stop);
  });
}

Running accepting(const Identity& self, FileDescriptor socket, const HandshakeStop& stop,
                  Milliseconds limit = patience) {
  make_non_blocking(socket);
  return std::async(std::launch::async, [&self, socket = std::move(socket), &stop, limit]() mutable {
    return accept_handshake(self, std::move(socket), soon(limit), stop);
  });
}

std::string packet(const std::string& body) {
  return std::string{static_cast<char>(body.size() >> 8U), static_cast<char>(body.size() & 0xffU)} + body;
}

std::string hexed(std::string_view digits) {
  const auto bytes = hex(digits);
  return {bytes.begin(), bytes.end()};
}

/// A name as OTP 25 sends it: 'N', flags, creation, length, name.
std::string name_packet(const std::string& node) {
  return packet(hexed("4e0000000d07df7fbd6b049d85") + hexed("00") + static_cast<char>(node.size()) + node);
}
std::string challenge_packet(const std::string& node) {
  return packet(hexed("4e0000000d07df7fbdbf72584c6b049e06") + hexed("00") + static_cast<char>(node.size()) +
                node);
}

/// What a stranger says to us, and how our side ends.
HandshakeResult stranger_says(const std::string& bytes, Milliseconds limit = patience) {
  const HandshakeStop stop;
  auto [stranger, accepted] = raw_pair();
  auto running = accepting(alice, std::move(accepted), stop, limit);
  raw_send(stranger, bytes);
  ::shutdown(stranger.get(), SHUT_WR);
  return running.get();
}

/// What a peer that we connect to says after our name, and how our side ends.
HandshakeResult peer_says(const std::string& bytes, Milliseconds limit = patience) {
  const HandshakeStop stop;
  const RawListener listener;
  auto running = connecting(alice, bob.name, listener.port(), stop, limit);
  const auto peer = listener.accept();
  raw_receive(peer, 2 + 15 + alice.name.str().size());
  raw_send(peer, bytes);
  ::shutdown(peer.get(), SHUT_WR);
  return running.get();
}

}  // namespace

TEST_CASE("a limit on descriptors that knows no end is lowered, and a low one left") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit highest{before.rlim_max, before.rlim_max};
  const rlimit low{1'000, before.rlim_max};
  rlimit after{};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &highest) == 0);
  initialise_handshakes();
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == std::min<rlim_t>(before.rlim_max, 16'384));
  CHECK(after.rlim_max == before.rlim_max);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  initialise_handshakes();
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == 1'000);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  initialise_handshakes();
}

TEST_CASE("two nodes with one cookie are linked, each under its name") {
  initialise_handshakes();
  const HandshakeStop stop;
  const RawListener listener;
  auto out = connecting(alice, bob.name, listener.port(), stop);
  auto in = accepting(bob, listener.accept(), stop);
  const auto made = out.get();
  const auto taken = in.get();
  REQUIRE(made);
  REQUIRE(taken);
  CHECK(made->peer == "bob@127.0.0.1");
  CHECK(taken->peer == "alice@127.0.0.1");
  raw_send(made->socket, "hello");
  const auto deadline = soon();
  std::string heard;
  while (heard.empty() && Clock::now() < deadline) heard = raw_receive(taken->socket, 5);
  CHECK(heard == "hello");
}

TEST_CASE("another cookie is refused by both sides, and both name it") {
  const HandshakeStop stop;
  const RawListener listener;
  auto out = connecting(alice, bob.name, listener.port(), stop);
  auto in = accepting(mallory, listener.accept(), stop);
  const auto made = out.get();
  const auto taken = in.get();
  REQUIRE_FALSE(made);
  REQUIRE_FALSE(taken);
  CHECK(made.error().stage == HandshakeStage::challenge_ack);
  CHECK(made.error().error.code == ErrorCode::refused);
  CHECK(made.error().error.message.find("cookie") != std::string::npos);
  CHECK(taken.error().stage == HandshakeStage::challenge);
  CHECK(taken.error().error.code == ErrorCode::refused);
  CHECK(taken.error().error.message.find("cookie") != std::string::npos);
}

TEST_CASE("a node of another name than the one we asked for is no link") {
  const HandshakeStop stop;
  const RawListener listener;
  auto out = connecting(alice, name("carol@127.0.0.1"), listener.port(), stop);
  auto in = accepting(bob, listener.accept(), stop);
  const auto made = out.get();
  in.wait();
  REQUIRE_FALSE(made);
  CHECK(made.error().error == Error{ErrorCode::refused, "the node that answered is not carol@127.0.0.1"});
}

TEST_CASE("nobody listens") {
  std::uint16_t port = 0;
  {
    const RawListener gone;
    port = gone.port();
  }
  const HandshakeStop stop;
  const auto made = connect_handshake(alice, bob.name, loopback, port, soon(), stop);
  REQUIRE_FALSE(made);
  CHECK(made.error().stage == HandshakeStage::connect);
  CHECK(made.error().error == Error{ErrorCode::unavailable, "nobody listens there"});
}

TEST_CASE("a BEAM is told that we take monitors by name") {
  HandshakeStop stop;
  const RawListener listener;
  constexpr unsigned dist_monitor = 0x08;
  constexpr unsigned dist_monitor_name = 0x20;
  constexpr std::size_t last_of_flags = 2 + 8;
  std::string said;
  SUBCASE("when we connect") {
    auto out = connecting(alice, bob.name, listener.port(), stop);
    const auto peer = listener.accept();
    said = raw_receive(peer, 2 + 15 + alice.name.str().size());
    stop.request();
  }
  SUBCASE("when we are connected to") {
    auto [stranger, accepted] = raw_pair();
    auto in = accepting(alice, std::move(accepted), stop);
    raw_send(stranger, name_packet("bob@127.0.0.1"));
    CHECK(raw_receive(stranger, 5) == std::string("\0\3sok", 5));
    said = raw_receive(stranger, 2 + 19 + alice.name.str().size());
    stop.request();
  }
  REQUIRE(said.size() > last_of_flags);
  CHECK(said[2] == 'N');
  CHECK((static_cast<unsigned char>(said[last_of_flags]) & dist_monitor) != 0);
  CHECK((static_cast<unsigned char>(said[last_of_flags]) & dist_monitor_name) != 0);
}

TEST_CASE("a challenge asks no name server and cannot be guessed") { CHECK(::gethostid() != ::gethostid()); }

TEST_CASE("a silent other side is given up at the deadline") {
  const HandshakeStop stop;
  const auto begun = Clock::now();
  constexpr Milliseconds limit{200};
  std::optional<HandshakeResult> result;
  SUBCASE("a stranger that says nothing") {
    auto [stranger, accepted] = raw_pair();
    result = accepting(alice, std::move(accepted), stop, limit).get();
    CHECK(result->error().stage == HandshakeStage::name);
  }
  SUBCASE("a stranger that says its name and no more") {
    auto [stranger, accepted] = raw_pair();
    raw_send(stranger, name_packet("bob@127.0.0.1"));
    result = accepting(alice, std::move(accepted), stop, limit).get();
    CHECK(result->error().stage == HandshakeStage::challenge);
  }
  SUBCASE("a peer that says nothing") {
    const RawListener listener;
    result = connecting(alice, bob.name, listener.port(), stop, limit).get();
    CHECK(result->error().stage == HandshakeStage::name);
  }
  SUBCASE("a peer that says ok and no more") {
    const RawListener listener;
    auto running = connecting(alice, bob.name, listener.port(), stop, limit);
    const auto peer = listener.accept();
    raw_send(peer, packet("sok"));
    result = running.get();
    CHECK(result->error().stage == HandshakeStage::status);
  }
  CHECK(result->error().error.code == ErrorCode::timeout);
  CHECK(Clock::now() - begun >= limit);
  CHECK(Clock::now() - begun < limit + Milliseconds(2'000));
}

TEST_CASE("one byte now and then does not move the deadline") {
  const HandshakeStop stop;
  auto [stranger, accepted] = raw_pair();
  const auto begun = Clock::now();
  auto running = accepting(alice, std::move(accepted), stop, Milliseconds(300));
  const auto bytes = name_packet("bob@127.0.0.1");
  for (std::size_t i = 0; i < bytes.size() && running.wait_for(Milliseconds(30)) != std::future_status::ready;
       ++i) {
    raw_send(stranger, bytes.substr(i, 1));
  }
  REQUIRE(running.wait_for(Milliseconds(2'000)) == std::future_status::ready);
  CHECK(Clock::now() - begun < Milliseconds(2'300));
  CHECK(running.get().error().error.code == ErrorCode::timeout);
}

TEST_CASE("a whole handshake one byte at a time succeeds within the deadline") {
  const HandshakeStop stop;
  // A relay between two of our own sides, which passes on single bytes.
  const RawListener front;
  auto out = connecting(alice, bob.name, front.port(), stop);
  const auto near = front.accept();
  auto [far, accepted] = raw_pair();
  auto in = accepting(bob, std::move(accepted), stop);
  const auto relay = [](const FileDescriptor& from, const FileDescriptor& to, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) raw_send(to, raw_receive(from, 1));
  };
  relay(near, far, 2 + 15 + 15);      // name
  relay(far, near, 5 + 2 + 19 + 13);  // status, challenge
  relay(near, far, 2 + 21);           // reply
  relay(far, near, 2 + 17);           // acknowledgement
  CHECK(out.get());
  CHECK(in.get());
}

TEST_CASE("what a stranger says in place of a handshake ends it at once") {
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
    const auto result = stranger_says(row.bytes);
    REQUIRE_FALSE(result);
    CHECK(result.error().error.code == row.code);
  }
}

TEST_CASE("every truncation of a stranger's packets is refused, whatever their length says") {
  for (const auto* tag : {"4e", "6e", "72", "63", "73", "61"}) {
    for (std::size_t length = 1; length < 40; ++length) {
      CAPTURE(tag);
      CAPTURE(length);
      CHECK_FALSE(stranger_says(packet(hexed(tag) + std::string(length - 1, '\xff'))));
      CHECK_FALSE(
          stranger_says(name_packet("bob@127.0.0.1") + packet(hexed(tag) + std::string(length - 1, '\xff'))));
    }
  }
}

TEST_CASE("every truncation of a peer's packets is refused, whatever their length says") {
  for (const auto* tag : {"4e", "6e", "72", "63", "73", "61"}) {
    for (std::size_t length = 1; length < 40; ++length) {
      CAPTURE(tag);
      CAPTURE(length);
      const auto odd = packet(hexed(tag) + std::string(length - 1, '\xff'));
      CHECK_FALSE(peer_says(odd));
      CHECK_FALSE(peer_says(packet("sok") + odd));
      CHECK_FALSE(peer_says(packet("sok") + challenge_packet("bob@127.0.0.1") + odd));
    }
  }
}

TEST_CASE("a peer's refusal is told in words") {
  const std::string challenge = challenge_packet("bob@127.0.0.1");
  const struct {
    std::string says;
    HandshakeStage stage;
    ErrorCode code;
    const char* message;
  } rows[] = {
      {"", HandshakeStage::name, ErrorCode::refused,
       "the peer closed after our name: it refuses the name or our flags"},
      {packet("snok"), HandshakeStage::status, ErrorCode::refused,
       "the peer is connecting to us at the same moment"},
      {packet("salive"), HandshakeStage::status, ErrorCode::refused,
       "the peer still holds an older connection under our name"},
      {packet("snot_allowed"), HandshakeStage::status, ErrorCode::refused,
       "the peer does not allow our name"},
      {packet("sok"), HandshakeStage::status, ErrorCode::refused,
       "the peer closed in the middle of the handshake"},
      {packet("sok_simultaneous"), HandshakeStage::status, ErrorCode::refused,
       "the peer closed in the middle of the handshake"},
      {packet("sok") + challenge, HandshakeStage::challenge_ack, ErrorCode::refused,
       "the peer closed after our challenge reply: most likely the cookie differs"},
      {packet("sok") + challenge + packet("a" + std::string(16, 'x')), HandshakeStage::challenge_ack,
       ErrorCode::refused, "the peer's answer to our challenge is wrong: most likely the cookie differs"},
      {"HTTP/1.0 400 Bad Request\r\n\r\n", HandshakeStage::name, ErrorCode::malformed,
       "the peer does not speak the distribution handshake"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.message);
    const auto result = peer_says(row.says);
    REQUIRE_FALSE(result);
    CHECK(result.error().stage == row.stage);
    CHECK(result.error().error == Error{row.code, row.message});
  }
}

TEST_CASE("a release that is too old is named as the reason, in both directions") {
  const std::string too_old = "its OTP release is too old (it lacks capabilities that ours needs)";
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
    const auto made = peer_says(packet("sok") + row.says);
    REQUIRE_FALSE(made);
    CHECK(made.error().stage == HandshakeStage::challenge);
    CHECK(made.error().error == Error{ErrorCode::refused, too_old});
  }
  const auto taken = stranger_says(packet(hexed("4e00000000000000006b049d85000d") + "bob@127.0.0.1"));
  REQUIRE_FALSE(taken);
  CHECK(taken.error().stage == HandshakeStage::name);
  CHECK(taken.error().error == Error{ErrorCode::refused, too_old});
}

TEST_CASE("a stranger that leaves in the middle of its name is not called old") {
  const auto taken = stranger_says(name_packet("bob@127.0.0.1").substr(0, 10));
  REQUIRE_FALSE(taken);
  CHECK(taken.error().error ==
        Error{ErrorCode::refused, "the stranger left before it gave a name that we understand"});
}

TEST_CASE("a stop ends handshakes at once, those that are under way and those to come") {
  HandshakeStop stop;
  const RawListener listener;
  auto [stranger, accepted] = raw_pair();
  auto in = accepting(alice, std::move(accepted), stop);
  auto out = connecting(alice, bob.name, listener.port(), stop);
  CHECK(in.wait_for(Milliseconds(50)) == std::future_status::timeout);
  CHECK(out.wait_for(Milliseconds(0)) == std::future_status::timeout);
  stop.request();
  REQUIRE(in.wait_for(Milliseconds(1'000)) == std::future_status::ready);
  REQUIRE(out.wait_for(Milliseconds(1'000)) == std::future_status::ready);
  CHECK(in.get().error().error.code == ErrorCode::cancelled);
  CHECK(out.get().error().error.code == ErrorCode::cancelled);
  CHECK(connect_handshake(alice, bob.name, loopback, listener.port(), soon(), stop).error().error.code ==
        ErrorCode::cancelled);
}

TEST_CASE("handshakes leave no descriptor behind") {
  const auto open_descriptors = [] {
    std::size_t count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
  };
  const HandshakeStop stop;
  const RawListener listener;
  const auto before = open_descriptors();
  for (int i = 0; i < 100; ++i) {
    const auto& other = i % 2 == 0 ? bob : mallory;
    auto out = connecting(alice, bob.name, listener.port(), stop);
    auto in = accepting(other, listener.accept(), stop);
    CHECK(out.get().has_value() == (i % 2 == 0));
    in.wait();
  }
  CHECK(open_descriptors() == before);
}
