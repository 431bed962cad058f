#include "rancher_cnode/core/address.hpp"

#include <array>

namespace rancher_cnode {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Expected<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  const auto malformed = [text] {
    // Quoted and cut: the text may be anything.
    return failure(ErrorCode::malformed,
                   "not a dotted IPv4 address: '" + std::string(text.substr(0, 40)) + "'");
  };
  std::uint32_t bits = 0;
  std::size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (at >= text.size() || text[at] != '.') {
        return malformed();
      }
      ++at;
    }
    const std::size_t start = at;
    std::uint32_t value = 0;
    while (at < text.size() && is_digit(text[at]) && at - start < 3) {
      value = value * 10 + static_cast<std::uint32_t>(text[at] - '0');
      ++at;
    }
    const std::size_t digits = at - start;
    // A leading zero means octal to inet_aton and decimal to others: it is rejected.
    if (digits == 0 || value > 255 || (digits > 1 && text[start] == '0')) {
      return malformed();
    }
    bits = bits << 8 | value;
  }
  if (at != text.size()) {
    return malformed();
  }
  return Ipv4Address(bits);
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
