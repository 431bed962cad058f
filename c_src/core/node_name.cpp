#include "rancher_cnode/core/node_name.hpp"

#include <algorithm>
#include <cassert>

#include "rancher_cnode/core/printable.hpp"

namespace rancher_cnode {
namespace {

// Not std::isalnum, which depends on the locale.
constexpr bool is_alive_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}

constexpr bool is_host_character(char c) { return is_alive_character(c) || c == '.'; }

// Names come from the network and from the metadata: messages show only the beginning.
std::string shortened(std::string_view text) { return "'" + printable(text, 60) + "'"; }

}  // namespace

bool NodeName::is_alive_name(std::string_view text) {
  return !text.empty() && text.size() <= max_alive_length && std::ranges::all_of(text, is_alive_character);
}

Expected<NodeName> NodeName::parse(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) {
    return failure(ErrorCode::malformed, "node name " + shortened(text) + " has no @");
  }
  if (text.size() > max_length) {
    return failure(ErrorCode::malformed, "node name " + shortened(text) + " is longer than 255 characters");
  }
  if (!is_alive_name(text.substr(0, at))) {
    return failure(ErrorCode::malformed, "node name " + shortened(text) +
                                             " does not begin with 1 to 239 characters of [0-9A-Za-z_-]");
  }
  const std::string_view host = text.substr(at + 1);
  if (host.empty() || !std::ranges::all_of(host, is_host_character)) {
    return failure(ErrorCode::malformed,
                   "the host of node name " + shortened(text) + " is not made of [0-9A-Za-z._-]");
  }
  return NodeName(std::string(text), at);
}

NodeName NodeName::of(std::string_view alive, Ipv4Address host) {
  assert(is_alive_name(alive));
  std::string text(alive);
  text += '@';
  text += host.to_string();
  return {std::move(text), alive.size()};
}

Expected<Ipv4Address> NodeName::address() const {
  auto parsed = Ipv4Address::parse(host());
  return parsed ? parsed : tl::unexpected(parsed.error().within("the host of " + text_));
}

}  // namespace rancher_cnode
