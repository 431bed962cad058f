// A disconnect, or an inspection, whose calls a case answers one by one. Used by the tests of disconnect.
#pragma once

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/disconnect.hpp"
#include "support/unit/fake_connections.hpp"

namespace rancher_cnode::agent::test {

using distribution::TermBytes;
using distribution::TermWriter;

using Texts = std::vector<std::string>;

inline const std::string own = "myapp@10.42.0.1";
inline const std::string other = "myapp@10.42.0.2";
inline const std::string cnode = "rancher_cnode@10.42.0.1";
inline constexpr std::int64_t looked_at = 5'000;
inline const Error timeout{ErrorCode::timeout, "no answer in time"};

inline TermBytes integer(std::int64_t value) { return TermWriter().integer(value).take(); }

/// {value, Value, []}, as erl_eval:expr/2 returns it.
inline TermBytes value(const TermBytes& term) {
  TermWriter result;
  result.tuple(3).atom("value").raw(term).nil();
  return result.take();
}
inline const TermBytes expired = value(atom("expired"));

struct Asked {
  explicit Asked(const std::string& departed, std::optional<ModuleFunction> function = std::nullopt,
                 const std::string& target = own)
      : departed_(departed) {
    request.departed = node(departed);
    request.target = node(target);
    request.function = std::move(function);
    request.still_departed = [this] { return still_departed; };
    request.in_cluster = [departed](const NodeName& name) {
      return name.alive() == "myapp" && name.str() != departed;
    };
  }

  void start() {
    boost::asio::co_spawn(
        loop,
        [this]() -> boost::asio::awaitable<void> {
          const DisconnectRequest copy = request;
          result = co_await agent::disconnect(connections, copy);
        },
        boost::asio::detached);
    loop.poll();
  }
  /// Answers the one call that is open, and must begin so.
  void answer(const std::string& beginning, const distribution::CallResult& with) {
    REQUIRE(connections.calls.size() == 1);
    CAPTURE(connections.calls.front().text);
    CHECK(connections.calls.front().text.starts_with(beginning));
    last_text = connections.calls.front().text;
    connections.take_call().done(with);
    loop.poll();
    loop.restart();
  }
  void knows_global_disconnect() { answer("erlang:function_exported([global,disconnect,0])", atom("true")); }
  /// The clock, then the list.
  void looks(const Texts& connected) {
    answer("erlang:monotonic_time([millisecond])", integer(looked_at));
    answer("erlang:nodes([connected])", atoms(connected));
  }

  boost::asio::io_context loop;
  FakeConnections connections{cnode};
  DisconnectRequest request{
      .departed = node(own), .target = node(own), .function = {}, .still_departed = {}, .in_cluster = {}};
  bool still_departed = true;
  std::optional<DisconnectResult> result;
  std::string last_text;

 private:
  std::string departed_;
};

}  // namespace rancher_cnode::agent::test
