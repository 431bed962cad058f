// The connections of a node, by node name, and the calls over them: all that driving other nodes takes. CNode is
// the one in the program; units of agent/ have one of their own. On the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/config.hpp"
#include "rancher_cnode/distribution/remote_call.hpp"
#include "rancher_cnode/error.hpp"
#include "rancher_cnode/node_name.hpp"

namespace rancher_cnode::distribution {

/// Why there is no connection: at which stage it failed, and what that most likely means.
struct ConnectFailure {
  std::string stage;  ///< "epmd", or the handshake's stage
  Error error;
  std::uint16_t port = 0;  ///< where the handshake was tried; 0 if epmd named none
};

class Connections {
 public:
  using OnPort = std::function<void(Expected<std::uint16_t>)>;
  using OnConnected = std::function<void(tl::expected<void, ConnectFailure>)>;

  virtual ~Connections() = default;

  /// Of the node itself.
  [[nodiscard]] virtual const NodeName& name() const = 0;
  [[nodiscard]] virtual bool linked(const NodeName& peer) const = 0;

  /// Connects unless connected. `done` runs once, later; several callers share one attempt. Whichever side made
  /// it, a node has one connection: a newer one of the same name replaces it (link_down, then link_up).
  virtual void connect(const NodeName& peer, OnConnected done) = 0;
  /// The port at which peer listens now, by its epmd; see epmd_port. It writes nothing into any log. `done` runs
  /// once, later.
  virtual void look_up(const NodeName& peer, OnPort done) = 0;
  /// For all handshakes that begin from now on.
  virtual void set_cookie(const Cookie& cookie) = 0;
  /// Closes the connection, if there is one; link_down follows later.
  virtual void disconnect(const NodeName& peer) = 0;

  /// Calls a function over the connection to peer; without one `done` gets ErrorCode::unavailable. See
  /// RemoteCalls.
  virtual void call(const NodeName& peer, const ModuleFunction& what, std::span<const char> arguments,
                    Milliseconds timeout, OnCallResult done) = 0;
};

}  // namespace rancher_cnode::distribution
