#include "agent/disconnect.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/node_calls.hpp"
#include "agent/remote.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using distribution::Connections;
using reconciler::DisconnectOutcome;

namespace {

constexpr std::string_view unsafe =
    "it has no global:disconnect/0 (OTP 25.1), and its global prevents overlapping partitions: cutting it "
    "off would cost the others their connections";

DisconnectResult result(DisconnectOutcome outcome, std::string detail) {
  return {outcome, std::move(detail)};
}
DisconnectResult failed(const Error& error) { return result(DisconnectOutcome::failed, error.message); }
DisconnectResult withdrawn() { return result(DisconnectOutcome::withdrawn, {}); }

/// Calls a function with each of these nodes, on one node.
asio::awaitable<DisconnectResult> each(Connections& cnode, NodeName node, std::int64_t looked_at,
                                       std::string module, std::string function, Nodes arguments) {
  for (const auto& argument : arguments) {
    const auto answer =
        co_await call_while_fresh(cnode, node, looked_at, form_of(module, function, &argument));
    if (!answer) {
      co_return failed(answer.error());
    }
    if (!*answer) {
      co_return withdrawn();
    }
  }
  co_return result(DisconnectOutcome::done,
                   module + ":" + function + " for " + std::to_string(arguments.size()) + " nodes");
}

/// global:disconnect() on the node; what is still connected then and hidden is cut one by one.
asio::awaitable<DisconnectResult> by_global(Connections& cnode, NodeName node, std::int64_t looked_at,
                                            Nodes connected) {
  const auto left = co_await call_while_fresh(cnode, node, looked_at, form_of("global", "disconnect"));
  if (!left) {
    co_return failed(left.error());
  }
  if (!*left) {
    co_return withdrawn();
  }
  auto hidden = co_await nodes(cnode, node, "hidden");
  if (!hidden) {
    co_return failed(hidden.error());
  }
  std::erase_if(
      *hidden, [&](const NodeName& other) { return std::ranges::find(connected, other) == connected.end(); });
  if (!hidden->empty()) {
    co_return co_await each(cnode, node, looked_at, "erlang", "disconnect_node", *hidden);
  }
  const std::string nodes_left = distribution::printed(**left);
  co_return result(DisconnectOutcome::done, "global:disconnect/0 disconnected it from " +
                                                (nodes_left == "[]" ? "no visible node" : nodes_left));
}

/// A hidden node at the address that is not the BEAM: another C-node, whose decision it is.
const NodeName* other_cnode(const Connections& cnode, const NodeName& departed, const Nodes& hidden) {
  const auto found = std::ranges::find_if(hidden, [&](const NodeName& other) {
    return other.host() == departed.host() && other != departed && other != cnode.name();
  });
  return found == hidden.end() ? nullptr : &*found;
}

asio::awaitable<DisconnectResult> disconnect_connected(Connections& cnode, const DisconnectRequest& request) {
  const bool itself = request.departed == request.target;
  const NodeName asked = request.function ? request.target : request.departed;
  auto way = Expected<Way>(Way::one_by_one);
  if (!request.function) {
    way = co_await way_of(cnode, asked);
  }
  if (!way) {
    co_return failed(way.error());
  }
  if (*way == Way::none) {
    co_return result(DisconnectOutcome::unsupported, std::string(unsafe));
  }
  if (itself && asked.host() != cnode.name().host()) {
    const auto hidden = co_await nodes(cnode, asked, "hidden");
    const NodeName* claims = hidden ? other_cnode(cnode, asked, *hidden) : nullptr;
    if (claims != nullptr) {
      co_return result(DisconnectOutcome::claimed, claims->str());
    }
  }
  // The look. The clock first, so that it is no younger than the look.
  const auto looked_at = co_await monotonic_time(cnode, asked);
  if (!looked_at) {
    co_return failed(looked_at.error());
  }
  auto connected = co_await nodes(cnode, asked, "connected");
  if (!connected) {
    co_return failed(connected.error());
  }
  const NodeName& other = request.function ? request.departed : request.target;
  std::erase_if(*connected,
                [&](const NodeName& node) { return itself ? !request.in_cluster(node) : node != other; });
  if (connected->empty()) {
    co_return result(DisconnectOutcome::done, "it is not connected any more");
  }
  if (!request.still_departed()) {
    co_return withdrawn();
  }
  if (*way == Way::global) {
    co_return co_await by_global(cnode, asked, *looked_at, *connected);
  }
  const ModuleFunction function = request.function.value_or(ModuleFunction{"erlang", "disconnect_node"});
  co_return co_await each(cnode, asked, *looked_at, function.module, function.function, *connected);
}

}  // namespace

asio::awaitable<DisconnectResult> disconnect(Connections& cnode, DisconnectRequest request) {
  const auto use = cnode.use(request.departed);
  if (!request.function && !cnode.connected(request.departed)) {
    if (const auto connected = co_await connect(cnode, request.departed); !connected) {
      co_return result(DisconnectOutcome::unreachable, connected.error().error.message);
    }
  }
  co_return co_await disconnect_connected(cnode, request);
}

}  // namespace rancher_cnode::agent
