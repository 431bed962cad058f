#include "rancher_cnode/distribution/cnode.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "handshake_pools.hpp"
#include "rancher_cnode/distribution/epmd.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Wait after a failed accept (out of descriptors), so that the loop does not spin on it.
constexpr Milliseconds accept_again{100};

/// The pid that answers to our calls come to, and the one that stands for our registered names.
constexpr std::uint32_t caller_pid_id = 1;

/// New at every start, so that nobody takes our pids and references for those of an earlier run. 0 to 3 are
/// what epmds before OTP 23 gave out.
std::uint32_t random_creation() {
  constexpr std::uint32_t first = 4;
  std::random_device source;
  return std::uniform_int_distribution<std::uint32_t>(first)(source);
}

}  // namespace

class CNode::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& loop, Settings settings, Handlers handlers, const Log& log)
      : loop_(loop),
        settings_(std::move(settings)),
        handlers_(std::move(handlers)),
        log_(log),
        self_{settings_.name.str(), caller_pid_id, 0, random_creation()},
        acceptor_(loop),
        accept_timer_(loop),
        pools_(std::make_unique<HandshakePools>(
            loop, Identity{settings_.name, settings_.cookie, self_.creation}, settings_.handshake_limit)) {}

  Expected<void> start() {
    if (auto listening = listen(); !listening) {
      return listening;
    }
    add_net_kernel();
    accept_next();
    registration_ = std::make_unique<EpmdRegistration>(
        loop_,
        EpmdRegistration::Settings{std::string(settings_.name.alive()), listen_port(), settings_.epmd_port},
        [this](RegistrationState state, const std::string& reason) {
          if (handlers_.registration) {
            handlers_.registration(state, reason);
          }
        });
    registration_->start();
    return {};
  }

  void stop() {
    if (stopped_) {
      return;
    }
    stopped_ = true;
    handlers_ = {};
    registration_.reset();
    error_code ignored;
    acceptor_.close(ignored);
    accept_timer_.cancel();
    pools_.reset();
    for (auto& [name, link] : std::exchange(links_, {})) {
      link.connection->abandon();
    }
    connecting_.clear();
  }

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] std::size_t link_count() const { return links_.size(); }
  [[nodiscard]] bool linked(const NodeName& peer) const { return links_.contains(peer); }
  [[nodiscard]] RegistrationState registration() const {
    return registration_ ? registration_->state() : RegistrationState::unavailable;
  }
  [[nodiscard]] std::uint16_t listen_port() const {
    error_code ignored;
    return acceptor_.local_endpoint(ignored).port();
  }

  void connect(const NodeName& peer, OnConnected done) {
    if (linked(peer)) {
      asio::post(loop_, [done = std::move(done)]() { done({}); });
      return;
    }
    auto& waiters = connecting_[peer];
    waiters.push_back(std::move(done));
    if (waiters.size() > 1) {
      return;
    }
    auto self = shared_from_this();
    asio::co_spawn(
        loop_, [self, peer]() { return self->look_up_and_shake_hands(peer); }, asio::detached);
  }

  void disconnect(const NodeName& peer) {
    if (const auto found = links_.find(peer); found != links_.end()) {
      found->second.connection->close({ErrorCode::cancelled, "closed by us"});
    }
  }

  void call(const NodeName& peer, const ModuleFunction& what, std::span<const char> arguments,
            Milliseconds timeout, OnCallResult done) {
    if (auto* calls = calls_to(peer, done)) {
      calls->call(what, arguments, timeout, std::move(done));
    }
  }

  void request(const NodeName& peer, const std::string& process, std::span<const char> request,
               Milliseconds timeout, OnCallResult done) {
    if (auto* calls = calls_to(peer, done)) {
      calls->request(process, request, timeout, std::move(done));
    }
  }

  void add_process(std::string name, LocalProcesses::Behaviour behaviour) {
    processes_.add(std::move(name), std::move(behaviour));
  }

  void reply(const GenCall& call, std::span<const char> reply) {
    const auto node = NodeName::parse(call.from.node);
    if (!node) {
      return;
    }
    if (const auto found = links_.find(*node); found != links_.end()) {
      found->second.connection->send(encode_send(call.from, gen_reply(call, reply)));
    }
  }

 private:
  struct Link {
    std::shared_ptr<Connection> connection;
    std::unique_ptr<RemoteCalls> calls;
  };

  /// The calls of the link to peer; without one, null, and `done` will hear it.
  RemoteCalls* calls_to(const NodeName& peer, const OnCallResult& done) {
    if (const auto found = links_.find(peer); found != links_.end()) {
      return found->second.calls.get();
    }
    asio::post(loop_, [done, peer]() { done(failure(ErrorCode::unavailable, "no link to " + peer.str())); });
    return nullptr;
  }

  Expected<void> listen() {
    const auto host = Ipv4Address::parse(settings_.name.host());
    if (!host) {
      return tl::unexpected(host.error().within("the host of " + settings_.name.str()));
    }
    error_code error;
    for (std::uint32_t port = settings_.listen_ports.first; port <= settings_.listen_ports.last; ++port) {
      const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4(host->bits()),
                                             static_cast<std::uint16_t>(port));
      acceptor_ = asio::ip::tcp::acceptor(loop_);
      acceptor_.open(endpoint.protocol(), error);
      if (!error) {
        acceptor_.set_option(asio::ip::tcp::acceptor::reuse_address(true), error);
      }
      if (!error) {
        acceptor_.bind(endpoint, error);
      }
      if (!error) {
        acceptor_.listen(asio::socket_base::max_listen_connections, error);
      }
      if (!error) {
        return {};
      }
    }
    return failure(ErrorCode::unavailable, "cannot listen at " + host->to_string() + ": " + error.message());
  }

  /// net_adm:ping/1 from a BEAM: {is_auth, Node} is answered with yes.
  void add_net_kernel() {
    processes_.add("net_kernel", {.call =
                                      [this](const GenCall& call) {
                                        TermReader request(call.request);
                                        if (request.accept_tuple(2) && request.accept_atom("is_auth")) {
                                          reply(call, TermWriter().atom("yes").bytes());
                                        } else {
                                          ++counters_.messages_dropped;
                                        }
                                      },
                                  .cast = {}});
  }

  void accept_next() {
    acceptor_.async_accept(
        [self = shared_from_this()](const error_code& error, asio::ip::tcp::socket socket) {
          if (self->stopped_) {
            return;
          }
          if (error) {
            self->accept_later(error);
            return;
          }
          self->greet(std::move(socket));
          self->accept_next();
        });
  }

  void accept_later(const error_code& error) {
    log_.warning("accept_failed", "a node that connects to us could not be taken in",
                 {{"reason", error.message()}});
    accept_timer_.expires_after(accept_again);
    accept_timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
      if (!cancelled && !self->stopped_) {
        self->accept_next();
      }
    });
  }

  void greet(asio::ip::tcp::socket socket) {
    error_code error;
    const auto remote = socket.remote_endpoint(error);
    if (error) {
      return;
    }
    const Ipv4Address source(remote.address().to_v4().to_uint());
    if (links_.size() + pools_->incoming() >= settings_.max_links) {
      refuse(source, "too many links");
      return;
    }
    socket.non_blocking(true, error);
    FileDescriptor descriptor(socket.release(error));
    if (error) {
      return;
    }
    const bool taken = pools_->accept(std::move(descriptor), source, [this, source](HandshakeResult result) {
      if (!result) {
        handshake_failed(source.to_string(), result.error());
      } else {
        accepted(std::move(*result), source);
      }
    });
    if (!taken) {
      refuse(source, "too many unfinished handshakes from one address");
    }
  }

  void refuse(Ipv4Address source, std::string_view reason) {
    ++counters_.strangers_refused;
    if (std::exchange(last_refusal_, reason) != reason) {
      log_.warning("link_refused", "a connection to us was closed before its handshake",
                   {{"from", source.to_string()}, {"reason", reason}});
    }
  }

  void handshake_failed(const std::string& from, const HandshakeFailure& failed) {
    ++counters_.handshakes_failed;
    const std::string seen = from + ": " + failed.error.message;
    if (std::exchange(last_failed_handshake_, seen) != seen) {
      log_.warning("handshake_failed", failed.error.message,
                   {{"from", from}, {"stage", to_string(failed.stage)}});
    }
  }

  void accepted(LinkSocket link, Ipv4Address source) {
    const auto peer = NodeName::parse(link.peer);
    if (!peer || *peer == settings_.name) {
      ++counters_.handshakes_failed;
      log_.warning("link_refused",
                   peer ? "a stranger uses our own name" : "a stranger has a name we do not accept",
                   {{"from", source.to_string()}});
      return;
    }
    ++counters_.links_accepted;
    install(*peer, std::move(link.socket));
  }

  asio::awaitable<void> look_up_and_shake_hands(NodeName peer) {
    const auto address = Ipv4Address::parse(peer.host());
    if (!address) {
      connected(peer,
                tl::unexpected(ConnectFailure{"name", address.error().within("the host of " + peer.str())}));
      co_return;
    }
    const auto port =
        co_await epmd_port(*address, settings_.epmd_port, std::string(peer.alive()), settings_.epmd_limit);
    if (stopped_) {
      co_return;
    }
    if (!port) {
      connected(peer, tl::unexpected(ConnectFailure{"epmd", port.error()}));
      co_return;
    }
    pools_->connect(peer, *address, *port, [this, peer](HandshakeResult result) {
      if (result) {
        ++counters_.links_made;
        install(peer, std::move(result->socket));
        connected(peer, {});
      } else if (linked(peer)) {
        connected(peer, {});  // it connected to us meanwhile, and refused ours for that
      } else {
        ++counters_.handshakes_failed;
        connected(peer, tl::unexpected(ConnectFailure{std::string(to_string(result.error().stage)),
                                                      result.error().error}));
      }
    });
  }

  void connected(const NodeName& peer, const tl::expected<void, ConnectFailure>& result) {
    for (const auto& done : std::exchange(connecting_[peer], {})) {
      done(result);
    }
    if (const auto waiters = connecting_.find(peer);
        waiters != connecting_.end() && waiters->second.empty()) {
      connecting_.erase(waiters);
    }
  }

  /// A new link replaces an older one under the same name: the other side has restarted, or gave the old one
  /// up.
  void install(const NodeName& peer, FileDescriptor socket) {
    if (const auto old = links_.find(peer); old != links_.end()) {
      drop(old, {ErrorCode::cancelled, "replaced by a new link"});
    }
    Link link;
    link.connection = std::make_shared<Connection>(
        loop_, std::move(socket), settings_.timing,
        Connection::Handlers{[this, peer](const Message& message) { take(peer, message); },
                             [this, peer](const Error& why) { lost(peer, why); }});
    link.calls = std::make_unique<RemoteCalls>(
        loop_, self_, ++last_link_number_,
        [connection = link.connection](std::vector<char> frame) { connection->send(std::move(frame)); });
    const auto connection = link.connection;
    links_.emplace(peer, std::move(link));
    connection->start();
    if (handlers_.link_up) {
      handlers_.link_up(peer);
    }
  }

  using Links = std::map<NodeName, Link>;

  void drop(Links::iterator found, const Error& why) {
    auto link = links_.extract(found);
    link.mapped().connection->abandon();
    ++counters_.links_lost;
    if (handlers_.link_down) {
      handlers_.link_down(link.key(), why);
    }
    link.mapped().calls->fail_all(why);
  }

  void lost(const NodeName& peer, const Error& why) {
    if (const auto found = links_.find(peer); found != links_.end()) {
      drop(found, why);
    }
  }

  void take(const NodeName& peer, const Message& message) {
    std::visit([&](const auto& control) { handle(peer, control, message.payload); }, message.control);
  }

  void handle(const NodeName& peer, const control::Send& send, std::span<const char> payload) {
    const auto found = links_.find(peer);
    if (found == links_.end() || send.to != self_ || !found->second.calls->take(payload)) {
      ++counters_.messages_dropped;
    }
  }

  void handle(const NodeName& /*peer*/, const control::RegSend& send, std::span<const char> payload) {
    if (!processes_.deliver(send.to, payload)) {
      ++counters_.messages_dropped;
    }
  }

  void handle(const NodeName& peer, const control::Link& link, std::span<const char> /*payload*/) {
    if (link.to != self_) {
      send(peer, encode_exit(link.to, link.from, "noproc"));
    }
  }

  void handle(const NodeName& peer, const control::Unlink& unlink, std::span<const char> /*payload*/) {
    if (!unlink.id.empty()) {
      send(peer, encode_unlink_id_ack(unlink.id, unlink.to, unlink.from));
    }
  }

  /// A monitor on something that lives here needs no answer: it ends with the link.
  void handle(const NodeName& peer, const control::Monitor& monitor, std::span<const char> /*payload*/) {
    const auto* name = std::get_if<std::string>(&monitor.to);
    const bool lives_here = name != nullptr ? processes_.knows(*name) : std::get<Pid>(monitor.to) == self_;
    if (!lives_here) {
      send(peer, encode_monitor_exit(monitor.to, monitor.from, monitor.reference, "noproc"));
    }
  }

  void handle(const NodeName& /*peer*/, const control::Demonitor& /*demonitor*/,
              std::span<const char> /*payload*/) {}

  void handle(const NodeName& /*peer*/, const control::Exit& /*exit*/, std::span<const char> /*payload*/) {
    ++counters_.controls_ignored;
  }

  void handle(const NodeName& /*peer*/, const control::Ignored& /*ignored*/,
              std::span<const char> /*payload*/) {
    ++counters_.controls_ignored;
  }

  void send(const NodeName& peer, std::vector<char> frame) {
    if (const auto found = links_.find(peer); found != links_.end()) {
      found->second.connection->send(std::move(frame));
    }
  }

  asio::io_context& loop_;
  const Settings settings_;
  Handlers handlers_;
  const Log& log_;
  const Pid self_;
  Counters counters_;
  LocalProcesses processes_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer accept_timer_;
  std::unique_ptr<EpmdRegistration> registration_;
  Links links_;
  std::uint32_t last_link_number_ = 0;
  std::map<NodeName, std::vector<OnConnected>> connecting_;
  std::string last_failed_handshake_;
  std::string last_refusal_;
  bool stopped_ = false;
  std::unique_ptr<HandshakePools> pools_;
};

CNode::CNode(asio::io_context& loop, Settings settings, Handlers handlers, const Log& log)
    : impl_(std::make_shared<Impl>(loop, std::move(settings), std::move(handlers), log)) {}

CNode::~CNode() { stop(); }

Expected<void> CNode::start() { return impl_->start(); }
void CNode::stop() { impl_->stop(); }
const NodeName& CNode::name() const { return impl_->settings().name; }
std::uint16_t CNode::listen_port() const { return impl_->listen_port(); }
RegistrationState CNode::registration() const { return impl_->registration(); }
const CNode::Counters& CNode::counters() const { return impl_->counters(); }
std::size_t CNode::link_count() const { return impl_->link_count(); }
bool CNode::linked(const NodeName& peer) const { return impl_->linked(peer); }
void CNode::connect(const NodeName& peer, OnConnected done) { impl_->connect(peer, std::move(done)); }
void CNode::disconnect(const NodeName& peer) { impl_->disconnect(peer); }
void CNode::call(const NodeName& peer, const ModuleFunction& what, std::span<const char> arguments,
                 Milliseconds timeout, OnCallResult done) {
  impl_->call(peer, what, arguments, timeout, std::move(done));
}
void CNode::request(const NodeName& peer, const std::string& process, std::span<const char> request,
                    Milliseconds timeout, OnCallResult done) {
  impl_->request(peer, process, request, timeout, std::move(done));
}
void CNode::add_process(std::string name, LocalProcesses::Behaviour behaviour) {
  impl_->add_process(std::move(name), std::move(behaviour));
}
void CNode::reply(const GenCall& call, std::span<const char> reply) { impl_->reply(call, reply); }

}  // namespace rancher_cnode::distribution
