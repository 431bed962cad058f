// The connections of a node, by node name, and the calls over them. CNode implements it in the program; unit
// tests of agent/ have their own. On the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/remote_call.hpp"

namespace rancher_cnode::distribution {

/// Why connecting failed: the stage, and the most likely reason.
struct ConnectFailure {
  std::string stage;  ///< "epmd" where one was asked, or the handshake's stage
  Error error;
  std::uint16_t port = 0;  ///< port of the peer; 0 if epmd returned none
};

/// Held by whoever uses the connection to one peer, or is about to.
using ConnectionUse = std::shared_ptr<const void>;

class Connections {
 public:
  using OnPort = std::function<void(Expected<std::uint16_t>)>;
  using OnConnected = std::function<void(tl::expected<void, ConnectFailure>)>;

  virtual ~Connections() = default;

  /// The name of the local node.
  [[nodiscard]] virtual const NodeName& name() const = 0;
  [[nodiscard]] virtual bool connected(const NodeName& peer) const = 0;

  /// Connects unless connected. `done` runs once, later; concurrent callers share one attempt. There is one
  /// connection per node, whichever side made it: a newer one replaces it (node_down, then node_up).
  virtual void connect(const NodeName& peer, OnConnected done) = 0;
  /// Looks up the port of peer; see peer_port. Causes no log line anywhere. `done` runs once, later.
  virtual void look_up(const NodeName& peer, OnPort done) = 0;
  /// Used by all handshakes that start from now on.
  virtual void set_cookie(const Cookie& cookie) = 0;
  /// Whoever connects holds one from before until it does not need the connection any more. When the last for
  /// peer ends, the connection is closed and node_down follows later, unless peer has made it, or processes
  /// of peer's monitor ours or are linked to them.
  [[nodiscard]] virtual ConnectionUse use(const NodeName& peer) = 0;

  /// Calls a function over the connection to peer; without one `done` gets ErrorCode::unavailable. See
  /// RemoteCalls.
  virtual void call(const NodeName& peer, const ModuleFunction& what, std::span<const char> arguments,
                    Milliseconds timeout, OnCallResult done) = 0;
};

}  // namespace rancher_cnode::distribution
