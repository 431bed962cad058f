#include "rancher_cnode/distribution/handshake.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <thread>

#include "handshake_sides.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;

TEST_CASE("a high limit on descriptors is lowered, and a low one is kept") {
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

TEST_CASE("two nodes with the same cookie connect, each under its name") {
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
  while (heard.empty() && Clock::now() < deadline) {
    heard = raw_receive(taken->socket, 5);
  }
  CHECK(heard == "hello");
}

TEST_CASE("the socket of a connection sends at once, notices a lost host, and is not inherited") {
  const HandshakeStop stop;
  const RawListener listener;
  auto out = connecting(alice, bob.name, listener.port(), stop);
  auto in = accepting(bob, listener.accept(), stop);
  const auto made = out.get();
  const auto taken = in.get();
  REQUIRE(made);
  REQUIRE(taken);
  const auto option = [](const FileDescriptor& socket, int level, int name) {
    int value = 0;
    socklen_t size = sizeof(value);
    REQUIRE(::getsockopt(socket.get(), level, name, &value, &size) == 0);
    return value;
  };
  for (const auto* socket : {&made->socket, &taken->socket}) {
    CHECK(option(*socket, IPPROTO_TCP, TCP_NODELAY) != 0);
    CHECK(option(*socket, SOL_SOCKET, SO_KEEPALIVE) != 0);
    CHECK((::fcntl(socket->get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(socket->get(), F_GETFL) & O_NONBLOCK) != 0);
  }
}

TEST_CASE("a different cookie is refused by both sides, and both report it") {
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

TEST_CASE("a node with a name other than the requested one is refused") {
  const HandshakeStop stop;
  const RawListener listener;
  auto out = connecting(alice, name("carol@127.0.0.1"), listener.port(), stop);
  auto in = accepting(bob, listener.accept(), stop);
  const auto made = out.get();
  in.wait();
  REQUIRE_FALSE(made);
  CHECK(made.error().error == Error{ErrorCode::refused, "the node that answered is not carol@127.0.0.1"});
}

TEST_CASE("a port without a listener is reported as unavailable") {
  std::uint16_t port = 0;
  {
    const RawListener gone;
    port = gone.port();
  }
  const HandshakeStop stop;
  const auto made = connect_handshake(alice, bob.name, loopback, port, soon(), stop);
  REQUIRE_FALSE(made);
  CHECK(made.error().stage == HandshakeStage::connect);
  CHECK(made.error().error == Error{ErrorCode::unavailable, "connection refused"});
}

TEST_CASE("an address without a route is reported with the system's message") {
  const HandshakeStop stop;
  const auto made = connect_handshake(alice, bob.name, Ipv4Address(0xffffffff), 4'369, soon(), stop);
  REQUIRE_FALSE(made);
  CHECK(made.error().stage == HandshakeStage::connect);
  CHECK(made.error().error == Error{ErrorCode::unavailable, "Network is unreachable"});
}

TEST_CASE("a lack of descriptors is reported with the system's message") {
  const HandshakeStop stop;
  std::optional<HandshakeResult> made;
  {
    const NoDescriptors none;
    made = connect_handshake(alice, bob.name, loopback, 4'369, soon(), stop);
  }
  REQUIRE_FALSE(*made);
  CHECK(made->error().error == Error{ErrorCode::unavailable, "Too many open files"});
}

TEST_CASE("a descriptor that cannot be read is reported with the system's message") {
  const HandshakeStop stop;
  const auto taken = accept_handshake(alice, FileDescriptor(::eventfd(0, EFD_CLOEXEC)), soon(), stop);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().error == Error{ErrorCode::unavailable, "Socket operation on non-socket"});
}

TEST_CASE("a signal ends no handshake") {
  struct sigaction ignoring {};
  ignoring.sa_handler = [](int) {};
  struct sigaction before {};
  REQUIRE(::sigaction(SIGUSR1, &ignoring, &before) == 0);
  const HandshakeStop stop;
  auto [inbound, accepted] = raw_pair();
  make_non_blocking(accepted);
  HandshakeResult result;
  std::thread handshake([&, socket = std::move(accepted)]() mutable {
    result = accept_handshake(alice, std::move(socket), soon(), stop);
  });
  raw_send(inbound, name_packet("bob@127.0.0.1"));
  CHECK(raw_receive(inbound, 5) == std::string("\0\3sok", 5));
  raw_receive(inbound, 2 + 19 + alice.name.str().size());
  for (int i = 0; i < 20; ++i) {
    ::pthread_kill(handshake.native_handle(), SIGUSR1);
    std::this_thread::yield();
  }
  raw_send(inbound, packet("r" + std::string(20, 'x')));
  handshake.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  CHECK(result.error().error.code == ErrorCode::refused);
}

TEST_CASE("the flags announce monitors by name") {
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
    auto [inbound, accepted] = raw_pair();
    auto in = accepting(alice, std::move(accepted), stop);
    raw_send(inbound, name_packet("bob@127.0.0.1"));
    CHECK(raw_receive(inbound, 5) == std::string("\0\3sok", 5));
    said = raw_receive(inbound, 2 + 19 + alice.name.str().size());
    stop.request();
  }
  REQUIRE(said.size() > last_of_flags);
  CHECK(said[2] == 'N');
  CHECK((static_cast<unsigned char>(said[last_of_flags]) & dist_monitor) != 0);
  CHECK((static_cast<unsigned char>(said[last_of_flags]) & dist_monitor_name) != 0);
}

TEST_CASE("a challenge needs no name server and is unpredictable") { CHECK(::gethostid() != ::gethostid()); }

TEST_CASE("a silent other side times out at the deadline") {
  const HandshakeStop stop;
  const auto begun = Clock::now();
  constexpr Milliseconds limit{200};
  std::optional<HandshakeResult> result;
  SUBCASE("an inbound connection that sends nothing") {
    auto [inbound, accepted] = raw_pair();
    result = accepting(alice, std::move(accepted), stop, limit).get();
    CHECK(result->error().stage == HandshakeStage::name);
  }
  SUBCASE("an inbound connection that sends its name and no more") {
    auto [inbound, accepted] = raw_pair();
    raw_send(inbound, name_packet("bob@127.0.0.1"));
    result = accepting(alice, std::move(accepted), stop, limit).get();
    CHECK(result->error().stage == HandshakeStage::challenge);
  }
  SUBCASE("a peer that sends nothing") {
    const RawListener listener;
    result = connecting(alice, bob.name, listener.port(), stop, limit).get();
    CHECK(result->error().stage == HandshakeStage::name);
  }
  SUBCASE("a peer that sends ok and no more") {
    const RawListener listener;
    auto running = connecting(alice, bob.name, listener.port(), stop, limit);
    const auto peer = listener.accept();
    raw_send(peer, packet("sok"));
    result = running.get();
    CHECK(result->error().stage == HandshakeStage::status);
  }
  CHECK(result->error().error.code == ErrorCode::timeout);
  CHECK(Clock::now() - begun >= limit);
}

TEST_CASE("one byte now and then does not move the deadline") {
  const HandshakeStop stop;
  auto [inbound, accepted] = raw_pair();
  auto running = accepting(alice, std::move(accepted), stop, Milliseconds(300));
  const auto bytes = packet(std::string(1'000, 'N'));
  std::size_t sent = 0;
  while (sent < bytes.size() && running.wait_for(Milliseconds(30)) != std::future_status::ready) {
    raw_send(inbound, bytes.substr(sent++, 1));
  }
  CHECK(sent < bytes.size());
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
    for (std::size_t i = 0; i < size; ++i) {
      raw_send(to, raw_receive(from, 1));
    }
  };
  relay(near, far, 2 + 15 + 15);      // name
  relay(far, near, 5 + 2 + 19 + 13);  // status, challenge
  relay(near, far, 2 + 21);           // reply
  relay(far, near, 2 + 17);           // acknowledgement
  CHECK(out.get());
  CHECK(in.get());
}

TEST_CASE("a stop ends running and later handshakes at once") {
  HandshakeStop stop;
  const RawListener listener;
  auto [inbound, accepted] = raw_pair();
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
    for (int fd = 0; fd < 1024; ++fd) {
      count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
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
