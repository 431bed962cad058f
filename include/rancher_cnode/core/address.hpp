// An IPv4 address as a value. Rancher's managed network is IPv4 only, and so is ei's connect.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode {

class Ipv4Address {
 public:
  /// 0.0.0.0; is_host() is false for it.
  constexpr Ipv4Address() = default;

  /// From a number in host byte order: 0x7f000001 is 127.0.0.1.
  constexpr explicit Ipv4Address(std::uint32_t bits) : bits_(bits) {}

  /// Four decimal numbers 0-255 without leading zeros, separated by dots, and nothing else
  /// (RFC 6943 section 3.1.1, strict form). Anything else is ErrorCode::malformed.
  [[nodiscard]] static Expected<Ipv4Address> parse(std::string_view text);

  [[nodiscard]] std::string to_string() const;

  /// Host byte order.
  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }

  /// True for an address that one host can have and others can reach: not unspecified (0.0.0.0/8),
  /// loopback (127.0.0.0/8), multicast (224.0.0.0/4), reserved or broadcast (240.0.0.0/4).
  [[nodiscard]] bool is_host() const;

  friend constexpr auto operator<=>(Ipv4Address, Ipv4Address) = default;

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace rancher_cnode
