#include "agent/node_calls.hpp"

#include <utility>

#include "agent/abstract_form.hpp"
#include "agent/answers.hpp"
#include "agent/remote.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using distribution::Connections;
using distribution::TermBytes;
using distribution::TermReader;
using distribution::TermWriter;

namespace {

/// From the look to the destructive call, on the node's own clock.
constexpr std::int64_t look_is_fresh_ms = 2'000;

TermBytes list_of_atom(std::string_view atom) {
  TermWriter arguments;
  arguments.list(1).atom(atom).nil();
  return arguments.take();
}

/// [case erlang:monotonic_time(millisecond) =< Deadline of true -> Call; false -> expired end, []]: the node
/// looks at its clock and calls in one step, however long the request waited for it.
TermBytes call_before(std::int64_t deadline, const TermBytes& call) {
  TermWriter arguments;
  arguments.list(2).tuple(4).atom("case").integer(1);
  arguments.tuple(5).atom("op").integer(1).atom("=<");
  form::atom(form::call(arguments, "erlang", "monotonic_time").list(1), "millisecond").nil();
  arguments.tuple(3).atom("integer").integer(1).integer(deadline);
  const auto clause = [&arguments](std::string_view pattern) {
    arguments.tuple(5).atom("clause").integer(1);
    form::atom(arguments.list(1), pattern).nil();
    arguments.nil();
  };
  arguments.list(2);
  clause("true");
  arguments.list(1).raw(call).nil();
  clause("false");
  form::atom(arguments.list(1), "expired").nil();
  return arguments.nil().nil().nil().take();
}

}  // namespace

asio::awaitable<Expected<Nodes>> nodes(Connections& cnode, NodeName node, std::string_view kind) {
  const auto answer = co_await call(cnode, node, "erlang", "nodes", list_of_atom(kind));
  co_return answer.and_then([](const TermBytes& term) { return node_names(term); });
}

asio::awaitable<Expected<std::int64_t>> monotonic_time(Connections& cnode, NodeName node) {
  const auto answer = co_await call(cnode, node, "erlang", "monotonic_time", list_of_atom("millisecond"));
  co_return answer.and_then([](const TermBytes& term) { return TermReader(term).integer(); });
}

TermBytes form_of(std::string_view module, std::string_view function, const NodeName* argument) {
  TermWriter form;
  form::call(form, module, function);
  if (argument != nullptr) {
    form::atom(form.list(1), argument->str());
  }
  return form.nil().take();
}

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

}  // namespace rancher_cnode::agent
