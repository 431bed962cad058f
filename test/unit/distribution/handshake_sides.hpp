// Both sides of a handshake in one process, and inbound connections that send something else. Used by the
// tests of handshake.
#pragma once

#include <sys/socket.h>

#include <future>
#include <string>
#include <string_view>
#include <utility>

#include "bytes.hpp"
#include "rancher_cnode/distribution/handshake.hpp"
#include "support/unit/loopback.hpp"

namespace rancher_cnode::distribution::test {

inline NodeName name(const char* text) { return *NodeName::parse(text); }

inline const Identity alice{name("alice@127.0.0.1"), Cookie("secret"), 1001};
inline const Identity bob{name("bob@127.0.0.1"), Cookie("secret"), 1002};
inline const Identity mallory{name("bob@127.0.0.1"), Cookie("guess"), 1003};

inline TimePoint soon(Milliseconds limit = patience) { return Clock::now() + limit; }

/// A handshake of ours on a thread, as on a pool.
using Running = std::future<HandshakeResult>;

inline Running connecting(const Identity& self, const NodeName& peer, std::uint16_t port,
                          const HandshakeStop& stop, Milliseconds limit = patience) {
  return std::async(std::launch::async, [&self, peer, port, &stop, limit] {
    return connect_handshake(self, peer, loopback, port, soon(limit), stop);
  });
}

inline Running accepting(const Identity& self, FileDescriptor socket, const HandshakeStop& stop,
                         Milliseconds limit = patience) {
  make_non_blocking(socket);
  return std::async(std::launch::async, [&self, socket = std::move(socket), &stop, limit]() mutable {
    return accept_handshake(self, std::move(socket), soon(limit), stop);
  });
}

inline std::string packet(const std::string& body) {
  return std::string{static_cast<char>(body.size() >> 8U), static_cast<char>(body.size() & 0xffU)} + body;
}

inline std::string hexed(std::string_view digits) {
  const auto bytes = hex(digits);
  return {bytes.begin(), bytes.end()};
}

/// A name as OTP 25 sends it: 'N', flags, creation, length, name.
inline std::string name_packet(const std::string& node) {
  return packet(hexed("4e0000000d07df7fbd6b049d85") + hexed("00") + static_cast<char>(node.size()) + node);
}
inline std::string challenge_packet(const std::string& node) {
  return packet(hexed("4e0000000d07df7fbdbf72584c6b049e06") + hexed("00") + static_cast<char>(node.size()) +
                node);
}

/// An inbound connection that sends `bytes`, and the result of our side.
inline HandshakeResult inbound_result(const std::string& bytes, Milliseconds limit = patience) {
  const HandshakeStop stop;
  auto [inbound, accepted] = raw_pair();
  auto running = accepting(alice, std::move(accepted), stop, limit);
  raw_send(inbound, bytes);
  ::shutdown(inbound.get(), SHUT_WR);
  return running.get();
}

/// A peer that we connect to and that sends `bytes` after our name, and the result of our side.
inline HandshakeResult peer_result(const std::string& bytes, Milliseconds limit = patience) {
  const HandshakeStop stop;
  const RawListener listener;
  auto running = connecting(alice, bob.name, listener.port(), stop, limit);
  const auto peer = listener.accept();
  raw_receive(peer, 2 + 15 + alice.name.str().size());
  raw_send(peer, bytes);
  ::shutdown(peer.get(), SHUT_WR);
  return running.get();
}

}  // namespace rancher_cnode::distribution::test
