#include "agent/remote.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <string>
#include <utility>

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using distribution::CallResult;

// The C-node keeps its callbacks in std::function, which must be copyable; a coroutine's handler is not.

asio::awaitable<CallResult> call(distribution::Connections& cnode, NodeName node, std::string_view module,
                                 std::string_view function, distribution::TermBytes arguments) {
  const ModuleFunction what{std::string(module), std::string(function)};
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(CallResult)>(
      [&](auto handler) {
        cnode.call(node, what, arguments, remote_call_limit,
                   [shared = std::make_shared<decltype(handler)>(std::move(handler))](CallResult result) {
                     std::move (*shared)(std::move(result));
                   });
      },
      asio::use_awaitable);
}

asio::awaitable<Expected<void>> connect(distribution::Connections& cnode, NodeName node) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Expected<void>)>(
      [&](auto handler) {
        cnode.connect(
            node, [shared = std::make_shared<decltype(handler)>(std::move(handler))](const auto& connected) {
              std::move (*shared)(connected ? Expected<void>() : tl::unexpected(connected.error().error));
            });
      },
      asio::use_awaitable);
}

}  // namespace rancher_cnode::agent
