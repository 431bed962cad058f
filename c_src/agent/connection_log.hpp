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

  void write(const std::vector<reconciler::ConnectionFact>& facts) const;
  /// A departed peer was to be disconnected; `detail` contains what was called, or why nothing was.
  void disconnect_requested(const NodeName& departed, reconciler::DisconnectOutcome outcome,
                            const std::string& detail) const;

 private:
  void write(const reconciler::fact::Connected& fact) const;
  void write(const reconciler::fact::Lost& fact) const;
  void write(const reconciler::fact::Forgotten& fact) const;
  void write(const reconciler::fact::AttemptFailed& fact) const;
  void write(const reconciler::fact::Refreshed& fact) const;
  void write(const reconciler::fact::Completed& fact) const;
  void write(const reconciler::fact::Departed& fact) const;

  const Log& log_;
  const NodeName target_;
};

}  // namespace rancher_cnode::agent
