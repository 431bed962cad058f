// The packets of a handshake: format and content. Used by handshake_socket. Source: ERTS
// user's guide, "Distribution Protocol", "Distribution Handshake".
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace rancher_cnode::distribution {

/// Size of the length field before a packet.
inline constexpr std::size_t packet_length_size = 2;
/// The same over TLS.
inline constexpr std::size_t tls_length_size = 4;

/// Fits flags, challenge and a name of 255 characters in UTF-8; no packet of a handshake is longer.
inline constexpr std::size_t max_packet = 2048;

enum class Direction { outgoing, incoming };  ///< of the connection, as seen from us

enum class PacketKind {
  status,      ///< the peer's answer to our name: "ok", "nok", ...
  name,        ///< to us: the name of the connecting node
  challenge,   ///< to us, after our name: the name of the peer
  digest,      ///< a reply to a challenge, or its acknowledgement
  complement,  ///< the rest of a name that came in the old form
};

struct Packet {
  PacketKind kind;
  std::string text;  ///< the status, or the name; else empty
};

/// Parses a received packet (without its length; not empty). ei computes the length of a name by subtraction,
/// so a packet shorter than its fixed part must not reach it. Nothing if the packet is not valid in this
/// direction.
[[nodiscard]] std::optional<Packet> read_packet(std::span<const char> body, Direction direction);

/// Sets DFLAG_DIST_MONITOR_NAME in an outgoing name or challenge packet (without its length; other packets
/// stay as they are). ei does not set it, and a BEAM then sends no monitor at all: a call to an unregistered
/// name would wait for its timeout instead of failing with noproc.
void offer_monitors(std::span<char> packet);

}  // namespace rancher_cnode::distribution
