#include "agent/connection_log.hpp"

namespace rancher_cnode::agent {

namespace fact = reconciler::fact;

void ConnectionLog::write(const std::vector<reconciler::ConnectionFact>& facts) const {
  for (const auto& fact : facts) {
    std::visit([this](const auto& what) { write(what); }, fact);
  }
}

void ConnectionLog::write(const fact::Connected& fact) const {
  if (fact.took) {
    log_.info("peer_connected", "",
              {{"target", target_.str()},
               {"peer", fact.peer.str()},
               {"took_ms", std::chrono::duration_cast<Milliseconds>(*fact.took).count()}});
  } else {
    log_.info("peer_connected", "", {{"target", target_.str()}, {"peer", fact.peer.str()}});
  }
}

void ConnectionLog::write(const fact::Lost& fact) const {
  if (fact.dialable) {
    log_.warning("peer_lost", fact.reason, {{"target", target_.str()}, {"peer", fact.peer.str()}});
  }
}

void ConnectionLog::write(const fact::Forgotten&) const {}

void ConnectionLog::write(const fact::AttemptFailed& fact) const {
  const Log::Fields fields{{"target", target_.str()}, {"peer", fact.peer.str()}};
  if (fact.absent) {
    log_.not_yet("peer_unreachable", fact.reason, fields);
  } else {
    log_.warning("peer_unreachable", fact.reason, fields);
  }
}

void ConnectionLog::write(const fact::Refreshed& fact) const {
  log_.info("peer_refreshed",
            "it was away and still held a connection that the BEAM had lost; it closed its connections",
            {{"target", target_.str()}, {"peer", fact.peer.str()}});
}

void ConnectionLog::write(const fact::Completed& fact) const {
  log_.info("cluster_completed", "every dialable peer is connected",
            {{"target", target_.str()}, {"peers", fact.peers}, {"held", fact.held}});
}

void ConnectionLog::write(const fact::Departed& fact) const {
  const bool own = fact.peer == target_;
  if (fact.departure == reconciler::Departure::disconnected) {
    if (own) {
      log_.info("departed_target_disconnected", "it is no longer connected to any node of the service",
                {{"target", target_.str()}});
    } else {
      log_.info("departed_peer_disconnected", "the BEAM is no longer connected to it",
                {{"target", target_.str()}, {"peer", fact.peer.str()}});
    }
  } else if (own) {
    log_.warning("departed_target_connected",
                 "it is left connected; to remove it from the cluster, stop its container",
                 {{"target", target_.str()}, {"reason", fact.reason}});
  } else {
    log_.warning("departed_peer_connected",
                 "it is left connected; to remove it from the cluster, stop its container",
                 {{"target", target_.str()}, {"peer", fact.peer.str()}, {"reason", fact.reason}});
  }
}

void ConnectionLog::disconnect_requested(const NodeName& departed, reconciler::DisconnectOutcome outcome,
                                         const std::string& detail) const {
  using reconciler::DisconnectOutcome;
  if (outcome == DisconnectOutcome::withdrawn) {
    return;
  }
  const Log::Fields fields{
      {"target", target_.str()}, {"peer", departed.str()}, {"outcome", reconciler::to_string(outcome)}};
  if (outcome == DisconnectOutcome::done) {
    log_.info("disconnect_requested", detail, fields);
  } else {
    log_.warning("disconnect_requested", detail, fields);
  }
}

}  // namespace rancher_cnode::agent
