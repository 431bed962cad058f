// Calls to a node and connections to it, for coroutines on the loop. Used by disconnect.
//
// Once the C-node has stopped nothing that is awaited here comes any more: the coroutine ends with the C-node, where it
// waits. Names are string_views because GCC 12 destroys an aggregate twice that is made within a co_await expression (its
// bug 104031); what they view must live until the call is sent, which is at once.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string_view>

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/node_name.hpp"

namespace rancher_cnode::agent {

/// A node that takes longer is not well.
inline constexpr Milliseconds remote_call_limit{5'000};

/// Connections::call. `arguments` is one encoded list.
[[nodiscard]] boost::asio::awaitable<distribution::CallResult> call(distribution::Connections& cnode,
                                                                    NodeName node, std::string_view module,
                                                                    std::string_view function,
                                                                    distribution::TermBytes arguments);

/// Connections::connect. The failure in words.
[[nodiscard]] boost::asio::awaitable<Expected<void>> connect(distribution::Connections& cnode, NodeName node);

}  // namespace rancher_cnode::agent
