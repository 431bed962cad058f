// The C-node: a hidden node that listens, keeps its name registered in epmd, makes and accepts connections,
// keeps them by node name, calls functions on connected nodes and answers their calls. Where there is no
// epmd, nobody could find its port: it does not listen then, and only makes connections. Used by the agent.
//
// Everything here belongs to the loop's thread, except the handshakes: they block, so they run on two thread
// pools, one per direction. Slow inbound connections delay only one another.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/connection.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/distribution/epmd_registration.hpp"
#include "rancher_cnode/distribution/handshake.hpp"
#include "rancher_cnode/distribution/local_processes.hpp"
#include "rancher_cnode/distribution/peer_port.hpp"
#include "rancher_cnode/distribution/remote_call.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::distribution {

class CNode : public Connections {
 public:
  struct Settings {
    NodeName name;
    Cookie cookie;
    PortRange listen_ports;
    PortSource ports{};
    std::string epmd_program{};  ///< started when no epmd answers: a name on PATH or a path; empty = never
    std::size_t max_connections = 256;    ///< inbound ones; above it no new node is accepted
    Milliseconds lookup_limit{1'000};     ///< of one port
    Milliseconds handshake_limit{5'000};  ///< one whole handshake
    HandshakeThreads handshake_threads{};
    std::optional<TlsSettings> tls{};  ///< nothing: plain TCP
    Connection::Timing timing;
  };

  /// All on the loop.
  struct Handlers {
    std::function<void(const NodeName&)> node_up;
    std::function<void(const NodeName&, const Error& why)> node_down;
    std::function<void(RegistrationState, const std::string& reason)> registration;
  };

  /// Totals since the start.
  struct Counters {
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_made = 0;
    std::uint64_t connections_lost = 0;
    std::uint64_t handshakes_failed = 0;
    std::uint64_t inbound_refused = 0;   ///< above a limit, or with an invalid name
    std::uint64_t messages_dropped = 0;  ///< to an unknown process, or not understood by it
    std::uint64_t controls_ignored = 0;
  };

  /// `log` must outlive the node.
  CNode(boost::asio::io_context& loop, Settings settings, Handlers handlers, const Log& log);
  ~CNode() override;
  CNode(const CNode&) = delete;
  CNode& operator=(const CNode&) = delete;

  /// Listens and registers the name in epmd, unless there is none. Fails if no port of the range is free.
  [[nodiscard]] Expected<void> start();
  /// Unregisters the name, aborts all handshakes, sends exit signals (reason shutdown) to processes that
  /// monitor ours or are linked to them, and closes every connection. Blocks for milliseconds at most. May be
  /// called from inside any handler; no handler and no `done` runs after it.
  void stop();

  [[nodiscard]] const NodeName& name() const override;
  [[nodiscard]] std::uint16_t listen_port() const;
  [[nodiscard]] RegistrationState registration() const;
  [[nodiscard]] const Counters& counters() const;
  [[nodiscard]] std::size_t connection_count() const;
  [[nodiscard]] bool connected(const NodeName& peer) const override;

  void connect(const NodeName& peer, OnConnected done) override;
  void look_up(const NodeName& peer, OnPort done) override;
  void set_cookie(const Cookie& cookie) override;
  /// Used by all handshakes that start from now on; nothing: plain TCP.
  void set_tls(const std::optional<TlsSettings>& tls);
  /// tls_warnings() of these settings, on a thread of the handshakes. `done` runs on the loop, unless there
  /// is no TLS. Precondition: not stopped.
  void check_tls(std::function<void(const std::vector<std::string>& warnings)> done);
  [[nodiscard]] ConnectionUse use(const NodeName& peer) override;
  /// Closes the connection, if there is one, whoever uses it; node_down follows later.
  void disconnect(const NodeName& peer);
  void call(const NodeName& peer, const ModuleFunction& what, std::span<const char> arguments,
            Milliseconds timeout, OnCallResult done) override;

  /// gen_server:call of a registered process on peer, over its connection. See RemoteCalls.
  void request(const NodeName& peer, const std::string& process, std::span<const char> request,
               Milliseconds timeout, OnCallResult done);

  /// Adds a registered name. A call is answered by reply(), at any later time. A reply that exceeds the free
  /// space in the caller's send queue (Connection::max_unsent_bytes) becomes {error, too_large}.
  void add_process(std::string name, LocalProcesses::Behaviour behaviour);
  void reply(const GenCall& call, std::span<const char> reply);
  /// Replies {error, {Reason, Request}}, for a request that is not understood.
  void reply_error(const GenCall& call, std::string_view reason);
  /// Sends a message to a process of a connected node. False, and nothing is sent, if the node is not
  /// connected, or if its send queue would have more than `max_unsent_bytes`.
  [[nodiscard]] bool offer(const Pid& to, std::span<const char> message, std::size_t max_unsent_bytes);
  /// Counts a cast that its receiver does not understand.
  void drop_message();
  /// The pid behind the registered names.
  [[nodiscard]] const Pid& pid() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace rancher_cnode::distribution
