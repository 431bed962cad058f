#include "agent/inspect.hpp"

#include <algorithm>
#include <utility>

#include "agent/node_calls.hpp"
#include "agent/remote.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using distribution::Connections;
using reconciler::InspectOutcome;

namespace {

bool contains(const Expected<Nodes>& nodes, const NodeName& node) {
  return nodes && std::ranges::find(*nodes, node) != nodes->end();
}

/// Has a peer that lists `target`, which may have lost it, give its connections up.
asio::awaitable<InspectOutcome> refresh(Connections& cnode, NodeName peer, NodeName target) {
  const auto way = co_await way_of(cnode, peer);
  const auto looked_at = co_await monotonic_time(cnode, peer);
  const auto of_peer = co_await nodes(cnode, peer, "connected");
  if (!way || !looked_at || !of_peer) {
    co_return InspectOutcome::no_answer;
  }
  if (!contains(of_peer, target)) {
    co_return InspectOutcome::clear;
  }
  const auto of_target = co_await nodes(cnode, target, "connected");
  if (!of_target) {
    co_return InspectOutcome::no_answer;
  }
  if (contains(of_target, peer)) {
    co_return InspectOutcome::clear;
  }
  if (*way != Way::global) {
    co_return InspectOutcome::stale;
  }
  const auto left = co_await call_while_fresh(cnode, peer, *looked_at, form_of("global", "disconnect"));
  co_return left&&* left ? InspectOutcome::refreshed : InspectOutcome::no_answer;
}

asio::awaitable<Inspection> inspect_connected(Connections& cnode, NodeName peer, NodeName target) {
  Inspection inspection;
  auto of_peer = co_await nodes(cnode, peer, "connected");
  if (!of_peer) {
    co_return inspection;
  }
  inspection.outcome = InspectOutcome::clear;
  if (contains(of_peer, target)) {
    inspection.outcome = co_await refresh(cnode, peer, target);
  }
  if (inspection.outcome == InspectOutcome::clear) {
    inspection.connections = std::move(*of_peer);
  }
  co_return inspection;
}

}  // namespace

asio::awaitable<Inspection> inspect(Connections& cnode, NodeName peer, NodeName target) {
  const auto use = cnode.use(peer);
  if (!cnode.connected(peer)) {
    if (const auto connected = co_await connect(cnode, peer); !connected) {
      const Inspection unanswered;
      co_return unanswered;
    }
  }
  co_return co_await inspect_connected(cnode, peer, target);
}

}  // namespace rancher_cnode::agent
