// What cases of commands share that ask a node.
#pragma once

#include <optional>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"
#include "unit/distribution/nodes.hpp"

namespace rancher_cnode::cli::test {

/// Ample for what is answered in milliseconds, also on a busy machine.
inline constexpr Milliseconds long_enough{20'000};

inline const Log& silent_log() {
  static const Log log(LogLevel::error, LogFormat::text, -1);
  return log;
}

/// A container on loopback: its settings, and its C-node if it has one, which has no process to ask yet.
struct CommandedContainer {
  CommandedContainer() {
    config.ip = distribution::test::loopback;
    config.cookie = Cookie("secret");
    config.epmd_port = epmd.port();
  }
  ~CommandedContainer() { stop_cnode(); }
  CommandedContainer(const CommandedContainer&) = delete;
  CommandedContainer& operator=(const CommandedContainer&) = delete;

  void start_cnode() {
    cnode.emplace(loop, epmd, "remsh-rancher_cnode@127.0.0.1");
    cnode->start();
  }
  void stop_cnode() {
    if (cnode) {
      cnode->cnode->stop();
    }
    distribution::test::run_for(loop, Milliseconds(1));
  }

  boost::asio::io_context loop;
  distribution::test::EpmdStandIn epmd{loop};
  Config config;
  std::optional<distribution::test::Node> cnode;
};

}  // namespace rancher_cnode::cli::test
