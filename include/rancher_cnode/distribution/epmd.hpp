// Looks up the port of a node in an epmd, or the names of all. Many lookups at once on the loop. Used by
// cnode (to connect) and by the agent (to probe a peer before a BEAM dials it). Source: ERTS user's guide,
// "Distribution Protocol", "EPMD Protocol": PORT_PLEASE2_REQ, PORT2_RESP, NAMES_REQ, NAMES_RESP.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::distribution {

/// The port of `alive` at `host`. Errors: timeout (nobody answered within limit), unavailable (no route and
/// the like), refused (nobody listens on the epmd port), not_found (epmd does not know the name), malformed.
[[nodiscard]] boost::asio::awaitable<Expected<std::uint16_t>> epmd_port(Ipv4Address host,
                                                                        std::uint16_t epmd_port,
                                                                        std::string alive,
                                                                        Milliseconds limit);

/// The alive names of all nodes that are registered at `host`, in its order. Errors as above.
[[nodiscard]] boost::asio::awaitable<Expected<std::vector<std::string>>> epmd_names(Ipv4Address host,
                                                                                    std::uint16_t epmd_port,
                                                                                    Milliseconds limit);

}  // namespace rancher_cnode::distribution
