// Finds the distribution port of a node: asks its epmd, or, where there is no epmd, tries the one port that
// all nodes have. Used by cnode (to connect) and by the agent (to probe a peer before a BEAM dials it).
// Source: kernel's erl_epmd.erl, listen_port_please/2: -erl_epmd_port.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/distribution/connections.hpp"

namespace rancher_cnode::distribution {

struct PortSource {
  std::uint16_t epmd_port = 4369;
  std::optional<std::uint16_t> dist_port{};  ///< of all nodes; nothing: epmd is asked
};

/// The port, once a TCP connection to it was made and closed again. No byte is sent, and a BEAM logs nothing.
/// Errors: not_found (nobody listens there), timeout (nobody answered within limit), unavailable (no route
/// and the like).
[[nodiscard]] boost::asio::awaitable<Expected<std::uint16_t>> reach_port(Ipv4Address host, std::uint16_t port,
                                                                         Milliseconds limit);

/// The port of `alive` at `host`, as epmd_port() finds it; with a dist_port, that, by reach_port().
[[nodiscard]] boost::asio::awaitable<Expected<std::uint16_t>> peer_port(Ipv4Address host, std::string alive,
                                                                        PortSource source,
                                                                        Milliseconds limit);

/// What an error of peer_port() is to who wanted to connect.
[[nodiscard]] ConnectFailure lookup_failure(PortSource source, Error error);

}  // namespace rancher_cnode::distribution
