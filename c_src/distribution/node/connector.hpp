// Makes and accepts the connections of the node: listens, accepts or refuses inbound connections, looks peers
// up and connects to them. Established connections are handed to the node, which keeps them. Used by cnode.
// On the loop, except the handshakes, which run on handshake_pools.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "distribution/handshake/handshake_pools.hpp"
#include "distribution/node/connected_node.hpp"
#include "distribution/node/listener.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::distribution {

class Connector : public std::enable_shared_from_this<Connector> {
 public:
  /// What the connector needs of the node. `install` may stop the node.
  struct Node {
    std::function<bool(const NodeName&)> connected;
    std::function<std::size_t()> accepted_connections;
    std::function<void(const NodeName&, EstablishedConnection, ConnectionOrigin)> install;
  };

  /// `settings`, `counters` and `log` must outlive the last call of stop().
  Connector(boost::asio::io_context& loop, const CNode::Settings& settings, std::uint32_t creation,
            CNode::Counters& counters, const Log& log, Node node);

  /// Listens. Fails if no port of the range is free; may then be called again.
  [[nodiscard]] Expected<void> start();
  /// Aborts all handshakes. Nothing is installed and no `done` runs after it.
  void stop();
  /// 0 unless it listens.
  [[nodiscard]] std::uint16_t port() const;

  /// `done` runs once, later; concurrent callers share one attempt. Precondition: peer is not connected.
  void connect(const NodeName& peer, CNode::OnConnected done);

  /// Looks up the port of peer; see peer_port. `done` runs once, later.
  void look_up(const NodeName& peer, CNode::OnPort done);

  void set_cookie(const Cookie& cookie) { pools_->set_cookie(cookie); }
  void set_tls(const std::optional<TlsSettings>& tls) { pools_->set_tls(tls); }
  void check_tls(HandshakePools::Checked done) { pools_->check_tls(std::move(done)); }

 private:
  void accept_handshake(FileDescriptor socket, Ipv4Address source);
  void handshake_finished(HandshakeResult result, const std::string& from);
  void failed(const std::string& from, const HandshakeFailure& failure);
  void refuse(const std::string& from, HandshakeStage stage, const std::string& reason);
  void accepted(EstablishedConnection established, const std::string& from);
  boost::asio::awaitable<Expected<std::uint16_t>> port_of(NodeName peer);
  boost::asio::awaitable<std::string> other_names(NodeName peer, Error error);
  boost::asio::awaitable<void> look_up_and_connect(NodeName peer);
  void finish_connect(const NodeName& peer, tl::expected<void, ConnectFailure> result);

  boost::asio::io_context& loop_;
  const CNode::Settings& settings_;
  CNode::Counters& counters_;
  Node node_;
  const Log& log_;
  bool accept_fails_ = false;
  std::shared_ptr<Listener> listener_;
  std::map<NodeName, std::vector<CNode::OnConnected>> connecting_;
  bool stopped_ = false;
  std::unique_ptr<HandshakePools> pools_;
};

}  // namespace rancher_cnode::distribution
