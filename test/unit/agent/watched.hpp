// One connection to a BEAM, with a clock set by hand and connections that the case makes.
#pragma once

#include <doctest/doctest.h>

#include "agent/cookie_watch.hpp"
#include "agent/target_connection.hpp"
#include "support/unit/fake_connections.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/inline_executor.hpp"
#include "support/unit/log_lines.hpp"
#include "unit/agent/closed.hpp"

namespace rancher_cnode::agent::test {

using Events = std::vector<std::string>;

inline constexpr const char* local = "myapp@10.42.0.1";
inline constexpr const char* remote = "myapp@10.42.0.2";

struct Watched {
  explicit Watched(const std::string& target = local) : name(target) {}
  ~Watched() { connection->stop(); }

  /// One more attempt, which finds no node.
  void fail() { node.fail_attempt("epmd", ErrorCode::not_found, "not registered"); }
  void connect_for(Milliseconds how_long) {
    connection->node_up();
    timers.advance(how_long);
  }
  [[nodiscard]] std::size_t attempts() const { return node.attempts.size(); }
  /// True if the next attempt comes after this time, and not a millisecond before.
  /// Lookups meanwhile return the same port.
  [[nodiscard]] bool tries_again_after(Milliseconds wait) {
    const std::size_t before = attempts();
    for (Milliseconds passed{1}; passed < wait; ++passed) {
      timers.advance(Milliseconds(1));
      while (node.looks_up()) {
        node.answer_lookup(std::uint16_t{4711});
      }
    }
    const bool early = attempts() > before;
    timers.advance(Milliseconds(1));
    return !early && attempts() == before + 1;
  }

  std::string name;
  boost::asio::io_context loop;
  FakeTimers timers;
  FakeConnections node{"rancher_cnode@10.42.0.1"};
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log{LogLevel::info, LogFormat::text, lines, [this] { return timers.now(); }};
  agent::CookieWatch cookie{Config(), node, log};
  Events heard;
  std::function<void()> at_loss = [] {};
  std::shared_ptr<TargetConnection> connection = std::make_shared<TargetConnection>(
      InlineExecutor(loop), node, timers, cookie, log, agent::test::node(name),
      TargetConnection::Handlers{.up = [this] { heard.emplace_back("up"); },
                                 .down =
                                     [this] {
                                       heard.emplace_back("down");
                                       at_loss();
                                     },
                                 .attempt_failed = [this] { heard.emplace_back("attempt failed"); }});
};

}  // namespace rancher_cnode::agent::test
