// The facts about one target's connections, as log lines. Used by Target.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::agent {

class ConnectionLog {
 public:
  /// `log` must outlive this.
  ConnectionLog(const Log& log, NodeName target) : log_(log), target_(std::move(target)) {}

  void write(const std::vector<membership::ConnectionFact>& facts) const;
  /// A departed peer was to be disconnected; `detail` says what was called, or why nothing was.
  void disconnect_requested(const NodeName& departed, membership::DisconnectOutcome outcome,
                            const std::string& detail) const;

 private:
  void write(const membership::fact::Connected& fact) const;
  void write(const membership::fact::Lost& fact) const;
  void write(const membership::fact::Forgotten& fact) const;
  void write(const membership::fact::AttemptFailed& fact) const;
  void write(const membership::fact::Refreshed& fact) const;
  void write(const membership::fact::Completed& fact) const;
  void write(const membership::fact::Departed& fact) const;

  const Log& log_;
  const NodeName target_;
};

}  // namespace rancher_cnode::agent
