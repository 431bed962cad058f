#include "distribution/node/connector.hpp"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "distribution/tls/tls_session.hpp"
#include "rancher_cnode/core/printable.hpp"
#include "rancher_cnode/distribution/epmd.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;

namespace {

/// The other side has closed the connection, and nothing is left to read.
bool has_ended(const EstablishedConnection& established) {
  if (established.tls) {
    return established.tls->has_ended();
  }
  char byte = 0;
  return ::recv(established.socket.get(), &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0;
}

}  // namespace

Connector::Connector(asio::io_context& loop, const CNode::Settings& settings, std::uint32_t creation,
                     CNode::Counters& counters, const Log& log, Node node)
    : loop_(loop),
      settings_(settings),
      counters_(counters),
      node_(std::move(node)),
      log_(log),
      listener_(std::make_shared<Listener>(
          loop,
          Listener::Handlers{[this](FileDescriptor socket, Ipv4Address source) {
                               if (std::exchange(accept_fails_, false)) {
                                 log_.info("inbound_accept_resumed", "");
                               }
                               accept_handshake(std::move(socket), source);
                             },
                             [this](const std::string& reason) {
                               if (!std::exchange(accept_fails_, true)) {
                                 log_.warning("inbound_accept_failed", "retrying", {{"reason", reason}});
                               }
                             }})),
      pools_(std::make_unique<HandshakePools>(
          loop, Identity{settings.name, settings.cookie, creation, settings.tls}, settings.handshake_limit,
          settings.handshake_threads)) {}

Expected<void> Connector::start() {
  return settings_.name.address().and_then(
      [this](Ipv4Address own) { return listener_->open(own, settings_.listen_ports); });
}

void Connector::stop() {
  stopped_ = true;
  listener_->close();
  pools_.reset();
  connecting_.clear();
}

std::uint16_t Connector::port() const { return listener_->port(); }

void Connector::connect(const NodeName& peer, CNode::OnConnected done) {
  auto& waiters = connecting_[peer];
  waiters.push_back(std::move(done));
  if (waiters.size() > 1) {
    return;
  }
  auto self = shared_from_this();
  asio::co_spawn(
      loop_, [self, peer]() { return self->look_up_and_connect(peer); }, asio::detached);
}

void Connector::accept_handshake(FileDescriptor socket, Ipv4Address source) {
  const bool taken = pools_->accept(std::move(socket), source, [this, source](HandshakeResult result) {
    handshake_finished(std::move(result), source.to_string());
  });
  if (!taken) {
    refuse(source.to_string(), HandshakeStage::connect, "too many unfinished handshakes");
  }
}

void Connector::handshake_finished(HandshakeResult result, const std::string& from) {
  if (result) {
    accepted(std::move(*result), from);
  } else {
    failed(from, result.error());
  }
}

void Connector::failed(const std::string& from, const HandshakeFailure& failure) {
  ++counters_.handshakes_failed;
  log_.warning("inbound_handshake_failed", "inbound connection failed",
               {{"from", from}, {"stage", to_string(failure.stage)}, {"reason", failure.error.message}});
}

void Connector::refuse(const std::string& from, HandshakeStage stage, const std::string& reason) {
  ++counters_.inbound_refused;
  log_.warning("inbound_refused", "inbound connection failed",
               {{"from", from}, {"stage", to_string(stage)}, {"reason", reason}});
}

void Connector::accepted(EstablishedConnection established, const std::string& from) {
  const auto peer = NodeName::parse(established.peer);
  if (!peer) {
    refuse(from, HandshakeStage::complete, "invalid node name: " + peer.error().message);
    return;
  }
  if (*peer == settings_.name) {
    refuse(from, HandshakeStage::complete, "it uses the name of this node");
    return;
  }
  const bool replaces = node_.connected(*peer);
  const std::size_t inbound = node_.accepted_connections();
  if (!replaces && inbound >= settings_.max_connections) {
    refuse(from, HandshakeStage::complete,
           "--max-connections " + std::to_string(settings_.max_connections) + " is reached");
    return;
  }
  // Both sides connected at once, and the other node dropped its attempt in favour of ours, which is
  // established.
  if (replaces && has_ended(established)) {
    failed(from, {HandshakeStage::complete,
                  {ErrorCode::unavailable, "it closed the connection after the handshake"}});
    return;
  }
  ++counters_.connections_accepted;
  node_.install(*peer, std::move(established), ConnectionOrigin::accepted);
}

void Connector::look_up(const NodeName& peer, CNode::OnPort done) {
  auto self = shared_from_this();
  asio::co_spawn(
      loop_,
      [self, peer, done = std::move(done)]() -> asio::awaitable<void> {
        const Expected<std::uint16_t> port = co_await self->port_of(peer);
        if (!self->stopped_) {
          done(port);
        }
      },
      asio::detached);
}

asio::awaitable<Expected<std::uint16_t>> Connector::port_of(NodeName peer) {
  const auto address = peer.address();
  if (!address) {
    co_return tl::unexpected<Error>(address.error());
  }
  co_return co_await peer_port(*address, std::string(peer.alive()), settings_.ports, settings_.lookup_limit);
}

/// Where our own epmd does not know a name, those that it knows most likely show why.
asio::awaitable<std::string> Connector::other_names(NodeName peer, Error error) {
  const auto own = settings_.name.address();
  if (settings_.ports.dist_port || error.code != ErrorCode::not_found ||
      peer.host() != settings_.name.host() || !own) {
    co_return "";
  }
  const auto names = co_await epmd_names(*own, settings_.ports.epmd_port, settings_.lookup_limit);
  if (!names) {
    co_return "";
  }
  std::string text;
  for (const std::string& name : *names) {
    if (name != settings_.name.alive()) {
      text += (text.empty() ? ", only " : ", ") + printable(name, NodeName::max_alive_length);
    }
  }
  co_return text;
}

asio::awaitable<void> Connector::look_up_and_connect(NodeName peer) {
  if (stopped_) {
    co_return;
  }
  const auto address = peer.address();
  if (!address) {
    finish_connect(peer, tl::unexpected(ConnectFailure{"name", address.error()}));
    co_return;
  }
  const auto port = co_await port_of(peer);
  if (stopped_) {
    co_return;
  }
  if (!port) {
    const std::string others = co_await other_names(peer, port.error());
    if (stopped_) {
      co_return;
    }
    ConnectFailure failure = lookup_failure(settings_.ports, port.error());
    failure.error.message += others;
    finish_connect(peer, tl::unexpected(std::move(failure)));
    co_return;
  }
  pools_->connect(peer, *address, *port, [this, peer, port = *port](HandshakeResult result) {
    if (result) {
      ++counters_.connections_made;
      node_.install(peer, std::move(*result), ConnectionOrigin::made);
      finish_connect(peer, {});
    } else {
      ++counters_.handshakes_failed;
      finish_connect(peer, tl::unexpected(ConnectFailure{std::string(to_string(result.error().stage)),
                                                         result.error().error, port}));
    }
  });
}

void Connector::finish_connect(const NodeName& peer, tl::expected<void, ConnectFailure> result) {
  if (!result && node_.connected(peer)) {
    result = {};  // it connected to us meanwhile, and therefore refused our attempt
  }
  const auto waiters = connecting_.extract(peer);
  if (waiters.empty()) {
    return;
  }
  for (const auto& done : waiters.mapped()) {
    if (!stopped_) {
      done(result);
    }
  }
}

}  // namespace rancher_cnode::distribution
