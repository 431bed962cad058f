#include "http/host_header.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "rancher_cnode/core/address.hpp"

namespace rancher_cnode::http {
namespace {

/// RFC 6762, RFC 6761, and ICANN's reservation of .internal for private use.
constexpr std::array<std::string_view, 3> private_domains{".internal", ".local", ".localhost"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
}
bool is_ipv6_character(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.'; }

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

}  // namespace

bool is_local_host(std::string_view host) {
  const std::string lower = lower_case(host);
  std::string_view name = lower;
  const std::size_t colon = name.rfind(':');
  if (colon != std::string_view::npos && name.find(']', colon) == std::string_view::npos) {
    if (!std::ranges::all_of(name.substr(colon + 1), is_digit)) {
      return false;
    }
    name = name.substr(0, colon);
  }
  if (name.starts_with('[') && name.ends_with(']')) {
    return std::ranges::all_of(name.substr(1, name.size() - 2), is_ipv6_character);
  }
  if (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  if (name.empty() || !std::ranges::all_of(name, is_name_character)) {
    return false;
  }
  return name.find('.') == std::string_view::npos || Ipv4Address::parse(name).has_value() ||
         std::ranges::any_of(private_domains,
                             [&](std::string_view domain) { return name.ends_with(domain); });
}

}  // namespace rancher_cnode::http
