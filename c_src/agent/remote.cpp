#include "agent/remote.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <string>
#include <utility>

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using distribution::CallResult;
using distribution::Connections;
using distribution::TermBytes;

namespace {

using Connected = tl::expected<void, distribution::ConnectFailure>;

/// Awaits what `start` passes to its callback. The C-node keeps callbacks in std::function, which must be
/// copyable; a coroutine's handler is not.
template <class Result, class Start>
asio::awaitable<Result> awaited(Start start) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Result)>(
      [&](auto handler) {
        start([shared = std::make_shared<decltype(handler)>(std::move(handler))](Result result) {
          std::move (*shared)(std::move(result));
        });
      },
      asio::use_awaitable);
}

}  // namespace

asio::awaitable<CallResult> call(Connections& cnode, NodeName node, const ModuleFunction& what,
                                 TermBytes arguments, Milliseconds limit) {
  const auto start = [&](auto done) { cnode.call(node, what, arguments, limit, std::move(done)); };
  co_return co_await awaited<CallResult>(start);
}

asio::awaitable<CallResult> call(Connections& cnode, NodeName node, std::string_view module,
                                 std::string_view function, TermBytes arguments) {
  const ModuleFunction what{std::string(module), std::string(function)};
  co_return co_await call(cnode, std::move(node), what, std::move(arguments), remote_call_limit);
}

asio::awaitable<Connected> connect(Connections& cnode, NodeName node) {
  const auto start = [&](auto done) { cnode.connect(node, std::move(done)); };
  co_return co_await awaited<Connected>(start);
}

asio::awaitable<Expected<std::uint16_t>> look_up(Connections& cnode, NodeName node) {
  const auto start = [&](auto done) { cnode.look_up(node, std::move(done)); };
  co_return co_await awaited<Expected<std::uint16_t>>(start);
}

}  // namespace rancher_cnode::agent
