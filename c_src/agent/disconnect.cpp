#include "agent/disconnect.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/answers.hpp"
#include "agent/remote.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using distribution::Connections;
using distribution::TermBytes;
using distribution::TermReader;
using distribution::TermWriter;
using reconciler::DisconnectOutcome;
using reconciler::InspectOutcome;

namespace {

/// From the look to the destructive call, on the node's own clock.
constexpr std::int64_t look_is_fresh_ms = 2'000;

constexpr std::string_view unsafe =
    "it has no global:disconnect/0 (OTP 25.1), and its global prevents overlapping partitions: cutting it "
    "off would "
    "cost the others their connections";

using Nodes = std::vector<NodeName>;

TermBytes list_of_atom(std::string_view atom) {
  TermWriter arguments;
  arguments.list(1).atom(atom).nil();
  return arguments.take();
}

DisconnectResult result(DisconnectOutcome outcome, std::string detail) {
  return {outcome, std::move(detail)};
}
DisconnectResult failed(const Error& error) { return result(DisconnectOutcome::failed, error.message); }
DisconnectResult withdrawn() { return result(DisconnectOutcome::withdrawn, {}); }

asio::awaitable<Expected<Nodes>> nodes(Connections& cnode, NodeName node, std::string_view kind) {
  const auto answer = co_await call(cnode, node, "erlang", "nodes", list_of_atom(kind));
  co_return answer.and_then([](const TermBytes& term) { return node_names(term); });
}

asio::awaitable<Expected<std::int64_t>> monotonic_time(Connections& cnode, NodeName node) {
  const auto answer = co_await call(cnode, node, "erlang", "monotonic_time", list_of_atom("millisecond"));
  co_return answer.and_then([](const TermBytes& term) { return TermReader(term).integer(); });
}

/// Module:Function(Argument), or without one, as erl_eval takes it.
TermBytes form_of(std::string_view module, std::string_view function, const NodeName* argument = nullptr) {
  TermWriter form;
  form.tuple(4).atom("call").integer(1);
  form.tuple(4).atom("remote").integer(1);
  form.tuple(3).atom("atom").integer(1).atom(module);
  form.tuple(3).atom("atom").integer(1).atom(function);
  if (argument != nullptr) {
    form.list(1).tuple(3).atom("atom").integer(1).atom(argument->str());
  }
  return form.nil().take();
}

/// [case erlang:monotonic_time(millisecond) =< Deadline of true -> Call; false -> expired end, []]: the node looks at
/// its clock and calls in one step, however long the request waited for it.
TermBytes call_before(std::int64_t deadline, const TermBytes& call) {
  TermWriter arguments;
  arguments.list(2).tuple(4).atom("case").integer(1);
  arguments.tuple(5).atom("op").integer(1).atom("=<");
  arguments.tuple(4).atom("call").integer(1);
  arguments.tuple(4).atom("remote").integer(1);
  arguments.tuple(3).atom("atom").integer(1).atom("erlang");
  arguments.tuple(3).atom("atom").integer(1).atom("monotonic_time");
  arguments.list(1).tuple(3).atom("atom").integer(1).atom("millisecond").nil();
  arguments.tuple(3).atom("integer").integer(1).integer(deadline);
  const auto clause = [&arguments](std::string_view pattern) {
    arguments.tuple(5).atom("clause").integer(1);
    arguments.list(1).tuple(3).atom("atom").integer(1).atom(pattern).nil();
    arguments.nil();
  };
  arguments.list(2);
  clause("true");
  arguments.list(1).raw(call).nil();
  clause("false");
  arguments.list(1).tuple(3).atom("atom").integer(1).atom("expired").nil();
  return arguments.nil().nil().nil().take();
}

/// What the call returned; nothing if the node came to it too late.
asio::awaitable<Expected<std::optional<TermBytes>>> call_while_fresh(Connections& cnode, NodeName node,
                                                                     std::int64_t looked_at,
                                                                     TermBytes call_form) {
  const auto answer =
      co_await call(cnode, node, "erl_eval", "expr", call_before(looked_at + look_is_fresh_ms, call_form));
  co_return answer.and_then([](const TermBytes& term) -> Expected<std::optional<TermBytes>> {
    TermReader reader(term);  // {value, Value, Bindings}
    if (!reader.accept_tuple(3) || !reader.accept_atom("value")) {
      return failure(ErrorCode::malformed, "an answer that erl_eval:expr/2 does not give");
    }
    if (reader.accept_atom("expired")) {
      return std::optional<TermBytes>();
    }
    return reader.skip().map(
        [](const auto& value) { return std::optional(TermBytes(value.begin(), value.end())); });
  });
}

enum class Way { global, one_by_one, none };

/// How the node can be disconnected without harm to the others.
asio::awaitable<Expected<Way>> way_of(Connections& cnode, NodeName node) {
  TermWriter function;
  function.list(3).atom("global").atom("disconnect").integer(0).nil();
  const auto exported = co_await call(cnode, node, "erlang", "function_exported", function.take());
  if (!exported) {
    co_return tl::unexpected(exported.error());
  }
  if (!TermReader(*exported).accept_atom("false")) {
    co_return Way::global;
  }
  TermWriter key;
  key.list(2).atom("kernel").atom("prevent_overlapping_partitions").nil();
  const auto setting = co_await call(cnode, node, "application", "get_env", key.take());
  if (!setting) {
    co_return tl::unexpected(setting.error());
  }
  const auto release = co_await call(cnode, node, "erlang", "system_info", list_of_atom("otp_release"));
  if (!release) {
    co_return tl::unexpected(release.error());
  }
  co_return prevents_partitions(*setting, *release) ? Way::none : Way::one_by_one;
}

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
  co_return result(DisconnectOutcome::done, "global:disconnect left " + distribution::printed(**left));
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

asio::awaitable<DisconnectResult> disconnect(Connections& cnode, DisconnectRequest request) {
  if (request.function || cnode.connected(request.departed)) {
    co_return co_await disconnect_connected(cnode, request);
  }
  if (const auto connected = co_await connect(cnode, request.departed); !connected) {
    co_return result(DisconnectOutcome::unreachable, connected.error().message);
  }
  auto result = co_await disconnect_connected(cnode, request);
  cnode.disconnect(request.departed);
  co_return result;
}

asio::awaitable<Inspection> inspect(Connections& cnode, NodeName peer, NodeName target) {
  if (cnode.connected(peer)) {
    co_return co_await inspect_connected(cnode, peer, target);
  }
  if (const auto connected = co_await connect(cnode, peer); !connected) {
    const Inspection unanswered;
    co_return unanswered;
  }
  auto inspection = co_await inspect_connected(cnode, peer, target);
  cnode.disconnect(peer);
  co_return inspection;
}

}  // namespace rancher_cnode::agent
