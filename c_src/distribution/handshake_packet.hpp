// The packets of a handshake: their shapes, and what they say. Used by handshake_socket. Source: ERTS
// user's guide, "Distribution Protocol", "Distribution Handshake".
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace rancher_cnode::distribution {

/// The bytes before a packet that say how long it is.
inline constexpr std::size_t packet_length_size = 2;

/// Flags, challenge and a name of 255 characters in UTF-8 fit well; nothing in a handshake is longer.
inline constexpr std::size_t max_packet = 2048;

enum class Direction { outgoing, incoming };  ///< of the connection, as seen from us

enum class PacketKind {
  status,      ///< the peer's answer to our name: "ok", "nok", ...
  name,        ///< to us: who the stranger is
  challenge,   ///< to us, after our name: who the peer is
  digest,      ///< a reply to a challenge, or its acknowledgement
  complement,  ///< the rest of a name that came in the old form
};

struct Packet {
  PacketKind kind;
  std::string text;  ///< the status, or the name; else empty
};

/// Checks a packet that came (without its length; not empty). ei copies names by differences of lengths, so
/// one that is shorter than its fixed part must never reach it. Nothing if its shape is none that may come
/// in this direction.
[[nodiscard]] std::optional<Packet> read_packet(std::span<const char> body, Direction direction);

/// Adds to the flags of a name or challenge packet of ours (with its length; others stay as they are) that
/// we take monitors by name. ei does not say so, and a BEAM then sends no monitor at all: a call to a name
/// that does not live here would wait for its timeout instead of failing with noproc.
void offer_monitors(std::span<char> packet);

}  // namespace rancher_cnode::distribution
