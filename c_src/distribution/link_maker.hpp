// How a node gets its links: it listens and takes strangers in or refuses them, and it looks peers up and
// connects to them. What comes of it is handed to the node, which keeps the links. Used by cnode. On the
// loop, except the handshakes: those run on handshake_pools.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "handshake_pools.hpp"
#include "link.hpp"
#include "listener.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "stranger_log.hpp"

namespace rancher_cnode::distribution {

class LinkMaker : public std::enable_shared_from_this<LinkMaker> {
 public:
  /// What the node is asked and told. `install` may stop the node.
  struct Node {
    std::function<bool(const NodeName&)> linked;
    std::function<std::size_t()> accepted_links;
    std::function<void(const NodeName&, FileDescriptor, LinkOrigin)> install;
  };

  /// `settings`, `counters` and `log` must outlive the last call of stop().
  LinkMaker(boost::asio::io_context& loop, const CNode::Settings& settings, std::uint32_t creation,
            CNode::Counters& counters, const Log& log, Node node);

  /// Listens. Fails if no port of the range can be listened on; may be called again then.
  [[nodiscard]] Expected<void> start();
  /// Ends all handshakes at once. Nothing is installed and no `done` runs any more.
  void stop();
  /// 0 unless it listens.
  [[nodiscard]] std::uint16_t port() const;

  /// `done` runs once, later; several callers share one attempt. There must be no link to peer yet.
  void connect(const NodeName& peer, CNode::OnConnected done);

  /// The port of peer, by its epmd. `done` runs once, later.
  void look_up(const NodeName& peer, CNode::OnPort done);

  void set_cookie(const Cookie& cookie) { pools_->set_cookie(cookie); }

 private:
  void greet(FileDescriptor socket, Ipv4Address source);
  void greeted(HandshakeResult result, const std::string& from);
  void failed(const std::string& from, const HandshakeFailure& failure);
  void refuse(const std::string& from, HandshakeStage stage, const std::string& reason);
  void accepted(LinkSocket link, const std::string& from);
  boost::asio::awaitable<Expected<std::uint16_t>> port_of(NodeName peer);
  boost::asio::awaitable<void> look_up_and_shake_hands(NodeName peer);
  void connected(const NodeName& peer, tl::expected<void, ConnectFailure> result);

  boost::asio::io_context& loop_;
  const CNode::Settings& settings_;
  CNode::Counters& counters_;
  Node node_;
  StrangerLog stranger_log_;
  std::shared_ptr<Listener> listener_;
  std::map<NodeName, std::vector<CNode::OnConnected>> connecting_;
  bool stopped_ = false;
  std::unique_ptr<HandshakePools> pools_;
};

}  // namespace rancher_cnode::distribution
