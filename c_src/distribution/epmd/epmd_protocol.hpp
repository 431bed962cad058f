// The bytes of the EPMD protocol. Used by epmd and epmd_registration.
// Source: ERTS user's guide, "Distribution Protocol", "EPMD Protocol".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rancher_cnode::distribution::epmd {

// PORT2_RESP: 119, result, then (if found) the port and more that we do not need.
inline constexpr std::size_t port_response_head_length = 2;
inline constexpr std::size_t port_response_found_length = 4;

// ALIVE2_RESP: 121, result, 2-byte creation. ALIVE2_X_RESP: 118, result, 4-byte creation.
inline constexpr std::size_t alive_response_head_length = 2;

[[nodiscard]] std::vector<char> port_please(std::string_view alive);
[[nodiscard]] bool is_port_response(std::span<const char> response);
[[nodiscard]] bool is_found(std::span<const char> response);
[[nodiscard]] std::uint16_t found_port(std::span<const char> response);

// NAMES_RESP: 4 bytes, then a line of text for each node, until the connection is closed.
inline constexpr std::size_t max_names_response = 65'536;
[[nodiscard]] std::vector<char> names_request();
/// Of lines `name NAME at port PORT`; all others are skipped.
[[nodiscard]] std::vector<std::string> names_in(std::string_view response);

/// ALIVE2_REQ of a hidden node that speaks distribution versions 5 and 6.
[[nodiscard]] std::vector<char> alive_request(std::string_view alive, std::uint16_t listen_port);
[[nodiscard]] bool is_alive_response(std::span<const char> response);
[[nodiscard]] bool is_accepted(std::span<const char> response);
/// Length of the creation that follows the head.
[[nodiscard]] std::size_t creation_length(std::span<const char> response);

}  // namespace rancher_cnode::distribution::epmd
