// The name of an Erlang node, alive@host, validated once where it is made.
//
// Every variable atom that this program creates in a BEAM is one of these, so invalid names never reach an
// atom table. Rules: OTP's net_kernel accepts [0-9A-Za-z_-]+ before the @; an atom holds at most 255
// characters.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode {

class NodeName {
 public:
  /// The longest alive name: what is left of 255 characters beside '@' and a dotted address.
  static constexpr std::size_t max_alive_length = 239;
  static constexpr std::size_t max_length = 255;

  /// True if text can stand before the '@': 1 to max_alive_length characters of [0-9A-Za-z_-].
  [[nodiscard]] static bool is_alive_name(std::string_view text);

  /// alive@host. ErrorCode::malformed if alive is not an alive name or host is empty, too long or holds other
  /// characters than [0-9A-Za-z._-] (long names as Erlang writes them; brackets and colons of IPv6 are
  /// refused).
  [[nodiscard]] static Expected<NodeName> parse(std::string_view text);

  /// Precondition: is_alive_name(alive). Used where alive comes from a validated setting.
  [[nodiscard]] static NodeName of(std::string_view alive, Ipv4Address host);

  [[nodiscard]] const std::string& str() const { return text_; }
  [[nodiscard]] std::string_view alive() const { return std::string_view(text_).substr(0, at_); }
  [[nodiscard]] std::string_view host() const { return std::string_view(text_).substr(at_ + 1); }

  /// The host. ErrorCode::malformed if it is not an IPv4 address: a name with this host can be named, but not
  /// reached.
  [[nodiscard]] Expected<Ipv4Address> address() const;

  friend auto operator<=>(const NodeName& a, const NodeName& b) { return a.text_ <=> b.text_; }
  friend bool operator==(const NodeName& a, const NodeName& b) { return a.text_ == b.text_; }

 private:
  NodeName(std::string text, std::size_t at) : text_(std::move(text)), at_(at) {}

  std::string text_;
  std::size_t at_;
};

}  // namespace rancher_cnode

template <>
struct std::hash<rancher_cnode::NodeName> {
  std::size_t operator()(const rancher_cnode::NodeName& name) const noexcept {
    return std::hash<std::string>{}(name.str());
  }
};
