// One connected node: its connection and the state that belongs to it. Used by cnode, dispatcher and
// connector.
#pragma once

#include <memory>

#include "distribution/node/observers.hpp"
#include "rancher_cnode/distribution/connection.hpp"
#include "rancher_cnode/distribution/remote_call.hpp"

namespace rancher_cnode::distribution {

/// Who made the connection.
enum class ConnectionOrigin { made, accepted };

struct ConnectedNode {
  ConnectionOrigin origin = ConnectionOrigin::made;
  std::shared_ptr<Connection> connection;
  std::unique_ptr<RemoteCalls> calls;
  Observers observers;
};

}  // namespace rancher_cnode::distribution
