// One link with all that belongs to it. Used by cnode, dispatcher and link_maker.
#pragma once

#include <memory>

#include "observers.hpp"
#include "rancher_cnode/distribution/connection.hpp"
#include "rancher_cnode/distribution/remote_call.hpp"

namespace rancher_cnode::distribution {

/// Who connected.
enum class LinkOrigin { made, accepted };

struct Link {
  LinkOrigin origin = LinkOrigin::made;
  std::shared_ptr<Connection> connection;
  std::unique_ptr<RemoteCalls> calls;
  Observers observers;
};

}  // namespace rancher_cnode::distribution
