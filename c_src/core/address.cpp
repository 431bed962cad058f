#include "rancher_cnode/core/address.hpp"

#include <arpa/inet.h>

#include <array>

#include "rancher_cnode/core/printable.hpp"

namespace rancher_cnode {

Expected<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  in_addr address{};
  // inet_pton stops at a NUL. It rejects leading zeros, which are octal to inet_aton and decimal to others.
  const bool whole = text.find('\0') == std::string_view::npos;
  if (!whole || ::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) {
    return failure(ErrorCode::malformed, "not a dotted IPv4 address: '" + printable(text, 40) + "'");
  }
  return Ipv4Address(ntohl(address.s_addr));
}

std::string Ipv4Address::to_string() const {
  std::string text;
  text.reserve(15);
  for (const unsigned shift : std::array{24U, 16U, 8U, 0U}) {
    text += std::to_string(bits_ >> shift & 0xffU);
    if (shift != 0) {
      text += '.';
    }
  }
  return text;
}

bool Ipv4Address::is_host() const {
  constexpr std::uint32_t this_network = 0;
  constexpr std::uint32_t loopback = 127;
  constexpr std::uint32_t first_multicast =
      224;  // multicast, reserved and broadcast reach from here to the end
  const std::uint32_t network = bits_ >> 24;
  return network != this_network && network != loopback && network < first_multicast;
}

}  // namespace rancher_cnode
