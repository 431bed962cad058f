#include "link_maker.hpp"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "rancher_cnode/distribution/epmd.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;

namespace {

/// Where a connection that could not be taken in came from.
const std::string nobody;

/// The other side has closed it, and left nothing to be read.
bool has_ended(const FileDescriptor& socket) {
  char byte = 0;
  return ::recv(socket.get(), &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0;
}

}  // namespace

LinkMaker::LinkMaker(asio::io_context& loop, const CNode::Settings& settings, std::uint32_t creation,
                     CNode::Counters& counters, const Log& log, Node node)
    : loop_(loop),
      settings_(settings),
      counters_(counters),
      node_(std::move(node)),
      stranger_log_(log),
      listener_(std::make_shared<Listener>(
          loop, Listener::Handlers{[this](FileDescriptor socket, Ipv4Address source) {
                                     stranger_log_.forget(nobody);
                                     greet(std::move(socket), source);
                                   },
                                   [this](const std::string& reason) {
                                     stranger_log_.warn(Clock::now(), "inbound_accept_failed", nobody,
                                                        "connect", reason);
                                   }})),
      pools_(std::make_unique<HandshakePools>(loop, Identity{settings.name, settings.cookie, creation},
                                              settings.handshake_limit, settings.handshake_threads)) {}

Expected<void> LinkMaker::start() {
  const auto host = Ipv4Address::parse(settings_.name.host());
  if (!host) {
    return tl::unexpected(host.error().within("the host of " + settings_.name.str()));
  }
  return listener_->open(*host, settings_.listen_ports);
}

void LinkMaker::stop() {
  stopped_ = true;
  listener_->close();
  pools_.reset();
  connecting_.clear();
}

std::uint16_t LinkMaker::port() const { return listener_->port(); }

void LinkMaker::connect(const NodeName& peer, CNode::OnConnected done) {
  auto& waiters = connecting_[peer];
  waiters.push_back(std::move(done));
  if (waiters.size() > 1) {
    return;
  }
  auto self = shared_from_this();
  asio::co_spawn(
      loop_, [self, peer]() { return self->look_up_and_shake_hands(peer); }, asio::detached);
}

void LinkMaker::greet(FileDescriptor socket, Ipv4Address source) {
  const bool taken = pools_->accept(std::move(socket), source, [this, source](HandshakeResult result) {
    greeted(std::move(result), source.to_string());
  });
  if (!taken) {
    refuse(source.to_string(), HandshakeStage::connect, "too many unfinished handshakes");
  }
}

void LinkMaker::greeted(HandshakeResult result, const std::string& from) {
  if (result) {
    accepted(std::move(*result), from);
  } else {
    failed(from, result.error());
  }
}

void LinkMaker::failed(const std::string& from, const HandshakeFailure& failure) {
  ++counters_.handshakes_failed;
  stranger_log_.warn(Clock::now(), "inbound_handshake_failed", from, to_string(failure.stage),
                     failure.error.message);
}

void LinkMaker::refuse(const std::string& from, HandshakeStage stage, const std::string& reason) {
  ++counters_.strangers_refused;
  stranger_log_.warn(Clock::now(), "inbound_refused", from, to_string(stage), reason);
}

void LinkMaker::accepted(LinkSocket link, const std::string& from) {
  const auto peer = NodeName::parse(link.peer);
  if (!peer) {
    refuse(from, HandshakeStage::complete, "its name is none that we accept: " + peer.error().message);
    return;
  }
  if (*peer == settings_.name) {
    refuse(from, HandshakeStage::complete, "it uses our own name");
    return;
  }
  const bool replaces = node_.linked(*peer);
  const std::size_t links = node_.accepted_links();
  if (!replaces && links >= settings_.max_connections) {
    refuse(from, HandshakeStage::complete, std::to_string(links) + " others have connected already");
    return;
  }
  // Both sides connected at once, and the node gave up its own attempt for ours, which is the link by now.
  if (replaces && has_ended(link.socket)) {
    failed(from, {HandshakeStage::complete, {ErrorCode::unavailable, "it closed the connection again"}});
    return;
  }
  stranger_log_.forget(from);
  ++counters_.links_accepted;
  node_.install(*peer, std::move(link.socket), LinkOrigin::accepted);
}

void LinkMaker::look_up(const NodeName& peer, CNode::OnPort done) {
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

asio::awaitable<Expected<std::uint16_t>> LinkMaker::port_of(NodeName peer) {
  const auto address = Ipv4Address::parse(peer.host());
  if (!address) {
    co_return tl::unexpected<Error>(address.error());
  }
  co_return co_await epmd_port(*address, settings_.epmd_port, std::string(peer.alive()),
                               settings_.epmd_limit);
}

asio::awaitable<void> LinkMaker::look_up_and_shake_hands(NodeName peer) {
  if (stopped_) {
    co_return;
  }
  const auto address = Ipv4Address::parse(peer.host());
  if (!address) {
    connected(peer,
              tl::unexpected(ConnectFailure{"name", address.error().within("the host of " + peer.str())}));
    co_return;
  }
  const auto port = co_await port_of(peer);
  if (stopped_) {
    co_return;
  }
  if (!port) {
    connected(peer, tl::unexpected(ConnectFailure{"epmd", port.error()}));
    co_return;
  }
  pools_->connect(peer, *address, *port, [this, peer, port = *port](HandshakeResult result) {
    if (result) {
      ++counters_.links_made;
      node_.install(peer, std::move(result->socket), LinkOrigin::made);
      connected(peer, {});
    } else {
      ++counters_.handshakes_failed;
      connected(peer, tl::unexpected(ConnectFailure{std::string(to_string(result.error().stage)),
                                                    result.error().error, port}));
    }
  });
}

void LinkMaker::connected(const NodeName& peer, tl::expected<void, ConnectFailure> result) {
  if (!result && node_.linked(peer)) {
    result = {};  // it connected to us meanwhile, and refused ours for that
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
