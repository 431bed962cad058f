// Lookups, connections and calls to a node, for coroutines on the loop: the one asynchronous style of agent/
// (decision 0026). Used by Target, TargetConnection, disconnect and inspect.
//
// Once the C-node has stopped, nothing awaited here completes: the coroutine is destroyed with the C-node.
// Names are string_views because GCC 12 destroys an aggregate twice that is made within a co_await expression
// (bug 104031); the viewed strings must live until the call is sent, which is at once.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string_view>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/connections.hpp"

namespace rancher_cnode::agent {

/// A healthy node does not take longer.
inline constexpr Milliseconds remote_call_limit{5'000};

/// Connections::call. `arguments` is one encoded list; `what` is read at once.
[[nodiscard]] boost::asio::awaitable<distribution::CallResult> call(distribution::Connections& cnode,
                                                                    NodeName node, const ModuleFunction& what,
                                                                    distribution::TermBytes arguments,
                                                                    Milliseconds limit);

[[nodiscard]] boost::asio::awaitable<distribution::CallResult> call(distribution::Connections& cnode,
                                                                    NodeName node, std::string_view module,
                                                                    std::string_view function,
                                                                    distribution::TermBytes arguments);

/// Connections::connect.
[[nodiscard]] boost::asio::awaitable<tl::expected<void, distribution::ConnectFailure>> connect(
    distribution::Connections& cnode, NodeName node);

/// Connections::look_up.
[[nodiscard]] boost::asio::awaitable<Expected<std::uint16_t>> look_up(distribution::Connections& cnode,
                                                                      NodeName node);

}  // namespace rancher_cnode::agent
