// The calls to a BEAM of which a disconnect and an inspection consist. Used by these two.
//
// A node makes a destructive call only while the look that it was decided on is fresh by the node's own
// clock, for it may have hung between the two.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/connections.hpp"

namespace rancher_cnode::agent {

using Nodes = std::vector<NodeName>;

/// erlang:nodes(Kind) of the node.
[[nodiscard]] boost::asio::awaitable<Expected<Nodes>> nodes(distribution::Connections& cnode, NodeName node,
                                                            std::string_view kind);

/// The node's own clock, in milliseconds.
[[nodiscard]] boost::asio::awaitable<Expected<std::int64_t>> monotonic_time(distribution::Connections& cnode,
                                                                            NodeName node);

/// Module:Function(Argument), or without one, as erl_eval takes it.
[[nodiscard]] distribution::TermBytes form_of(std::string_view module, std::string_view function,
                                              const NodeName* argument = nullptr);

/// What the call returned; nothing if the node came to it later than 2 s after it was looked at.
[[nodiscard]] boost::asio::awaitable<Expected<std::optional<distribution::TermBytes>>> call_while_fresh(
    distribution::Connections& cnode, NodeName node, std::int64_t looked_at,
    distribution::TermBytes call_form);

enum class Way { global, one_by_one, none };

/// How the node can be disconnected without harm to the others.
[[nodiscard]] boost::asio::awaitable<Expected<Way>> way_of(distribution::Connections& cnode, NodeName node);

}  // namespace rancher_cnode::agent
