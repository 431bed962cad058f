// Everything that a Target needs: a fake node, a fake clock, an epmd on loopback, and the log. The
// node is rancher_cnode@127.0.0.1, the peers are on its host too, so that the probes can be real.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/cookie_watch.hpp"
#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/status/durations.hpp"
#include "support/unit/epmd_stand_in.hpp"
#include "support/unit/fake_connections.hpp"
#include "support/unit/fake_timers.hpp"
#include "support/unit/inline_executor.hpp"
#include "support/unit/log_lines.hpp"
#include "support/unit/loopback.hpp"
#include "unit/agent/closed.hpp"

namespace rancher_cnode::agent::test {

using Texts = std::vector<std::string>;

inline constexpr const char* own_target = "myapp@127.0.0.1";

/// The members, all dialable, and the departed.
inline std::shared_ptr<membership::Desired> desired(const Texts& members, const Texts& departed = {}) {
  auto made = std::make_shared<membership::Desired>();
  made->own = membership::OwnMembership::listed;
  for (const auto& member : members) {
    made->members.insert(node(member));
  }
  made->dialable = made->members;
  for (const auto& each : departed) {
    made->departed.insert(node(each));
  }
  return made;
}

struct Surroundings {
  Surroundings() {
    config.node_basename = "myapp";
    config.probe = ProbeMode::off;
    config.epmd_port = epmd.port();
  }

  /// The target answers the list that it was asked for.
  void list(const std::string& target, const Texts& connected) {
    node.answer("erlang:nodes([connected]) on " + target, atoms(connected));
  }
  /// It dials the peer as it was asked to.
  void dial(const std::string& target, const std::string& peer, const char* result = "true") {
    node.answer("net_kernel:connect_node([" + peer + "]) on " + target, atom(result));
  }

  /// The lost peer, which is connected to for this, does not list the target.
  void inspect_clear(const std::string& peer) {
    node.end_attempt({});  // that of the target itself, which was connected before it ended
    node.end_attempt({});
    node.answer("erlang:nodes([connected]) on " + peer, atoms({}));
  }

  boost::asio::io_context loop;
  distribution::test::EpmdStandIn epmd{loop};
  FakeTimers timers;
  FakeConnections node{"rancher_cnode@127.0.0.1"};
  std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
  Log log{LogLevel::info, LogFormat::text, lines, [this] { return timers.now(); }};
  Config config;
  CookieWatch cookie{config, node, log};  ///< the cookie is not from a file
  status::Durations durations;
  int changes = 0;  ///< number of calls of `changed`
};

}  // namespace rancher_cnode::agent::test
