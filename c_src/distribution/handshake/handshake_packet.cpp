#include "distribution/handshake/handshake_packet.hpp"

#include "distribution/big_endian.hpp"
#include "rancher_cnode/core/node_name.hpp"

namespace rancher_cnode::distribution {
namespace {

/// The part before the name.
struct FixedPart {
  /// Tag 'n': the name goes to the packet's end.
  std::size_t old_form;
  /// Tag 'N': the last 2 bytes are the name's length; more may follow the name.
  std::size_t new_form;
};
constexpr FixedPart of_name{1 + 2 + 4, 1 + 8 + 4 + 2};
constexpr FixedPart of_challenge{1 + 2 + 4 + 4, 1 + 8 + 4 + 4 + 2};

std::optional<Packet> named(PacketKind kind, std::span<const char> body, FixedPart fixed) {
  std::span<const char> name;
  if (body[0] == 'n') {
    if (body.size() <= fixed.old_form) {
      return std::nullopt;
    }
    name = body.subspan(fixed.old_form);
  } else {
    constexpr std::size_t length_size = 2;
    if (body.size() < fixed.new_form) {
      return std::nullopt;
    }
    const auto length = big_endian(body.subspan(fixed.new_form - length_size, length_size));
    if (length == 0 || fixed.new_form + length > body.size()) {
      return std::nullopt;
    }
    name = body.subspan(fixed.new_form, length);
  }
  if (name.size() > NodeName::max_length) {
    return std::nullopt;
  }
  return Packet{kind, {name.begin(), name.end()}};
}

}  // namespace

std::optional<Packet> read_packet(std::span<const char> body, Direction direction) {
  constexpr std::size_t digest = 16;
  const bool outgoing = direction == Direction::outgoing;
  switch (body[0]) {
    case 's':
      if (outgoing) {
        return Packet{PacketKind::status, {body.begin() + 1, body.end()}};
      }
      break;
    case 'n':
    case 'N':
      return outgoing ? named(PacketKind::challenge, body, of_challenge)
                      : named(PacketKind::name, body, of_name);
    case 'r':
      if (!outgoing && body.size() == 1 + 4 + digest) {
        return Packet{PacketKind::digest, {}};
      }
      break;
    case 'a':
      if (outgoing && body.size() == 1 + digest) {
        return Packet{PacketKind::digest, {}};
      }
      break;
    case 'c':
      if (!outgoing && body.size() == 1 + 8) {
        return Packet{PacketKind::complement, {}};
      }
      break;
    default:
      break;
  }
  return std::nullopt;
}

void offer_monitors(std::span<char> packet) {
  constexpr unsigned dist_monitor_name = 0x20;  // DFLAG_DIST_MONITOR_NAME
  constexpr std::size_t last_byte_of_flags = 8;
  if (packet.size() > last_byte_of_flags && packet[0] == 'N') {
    char& flags = packet[last_byte_of_flags];
    flags = static_cast<char>(static_cast<unsigned char>(flags) | dist_monitor_name);
  }
}

}  // namespace rancher_cnode::distribution
