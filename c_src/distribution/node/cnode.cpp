#include "rancher_cnode/distribution/cnode.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <map>
#include <random>
#include <utility>

#include "distribution/epmd/epmd_daemon.hpp"
#include "distribution/node/connection_uses.hpp"
#include "distribution/node/connector.hpp"
#include "distribution/node/dispatcher.hpp"

namespace rancher_cnode::distribution {
namespace asio = boost::asio;

namespace {

/// The pid that receives the replies to our calls and that stands for our registered names.
constexpr std::uint32_t caller_pid_id = 1;

/// New at every start, so that our pids and references differ from those of an earlier run. 0 to 3 are the
/// creations that epmd assigned before OTP 23.
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
        self_{settings_.name.str(), caller_pid_id, 0, random_creation()},
        epmd_daemon_(
            std::make_shared<EpmdDaemon>(loop, settings_.epmd_program, settings_.ports.epmd_port, log)),
        connector_(std::make_shared<Connector>(
            loop, settings_, self_.creation, counters_, log,
            Connector::Node{
                [this](const NodeName& peer) { return connected(peer); },
                [this]() { return accepted_connections(); },
                [this](const NodeName& peer, EstablishedConnection established, ConnectionOrigin origin) {
                  install(peer, std::move(established), origin);
                }})) {}

  Expected<void> start() {
    if (settings_.ports.dist_port) {
      add_net_kernel();
      return {};
    }
    if (auto listening = connector_->start(); !listening) {
      return listening;
    }
    add_net_kernel();
    registration_ = std::make_unique<EpmdRegistration>(
        loop_,
        EpmdRegistration::Settings{std::string(settings_.name.alive()), listen_port(),
                                   settings_.ports.epmd_port},
        [this](RegistrationState state, const std::string& reason) { registration_changed(state, reason); });
    registration_->start();
    return {};
  }

  void stop() {
    if (std::exchange(stopped_, true)) {
      return;
    }
    registration_.reset();
    epmd_daemon_->stop_trying();
    connector_->stop();
    for (auto& [name, node] : std::exchange(nodes_, {})) {
      node.connection->close_silently(node.observers.exit_signals("shutdown"));
    }
  }

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] std::size_t connection_count() const { return nodes_.size(); }
  /// Not over a connection whose end is about to be reported.
  [[nodiscard]] bool connected(const NodeName& peer) const {
    const auto found = nodes_.find(peer);
    return found != nodes_.end() && found->second.connection->open();
  }
  [[nodiscard]] RegistrationState registration() const {
    if (settings_.ports.dist_port) {
      return RegistrationState::not_used;
    }
    return registration_ ? registration_->state() : RegistrationState::unavailable;
  }
  [[nodiscard]] std::uint16_t listen_port() const { return connector_->port(); }

  void connect(const NodeName& peer, OnConnected done) {
    if (connected(peer)) {
      later([done = std::move(done)]() { done({}); });
      return;
    }
    connector_->connect(peer, std::move(done));
  }

  void look_up(const NodeName& peer, OnPort done) { connector_->look_up(peer, std::move(done)); }
  void set_cookie(const Cookie& cookie) { connector_->set_cookie(cookie); }
  void set_tls(const std::optional<TlsSettings>& tls) { connector_->set_tls(tls); }
  void check_tls(HandshakePools::Checked done) { connector_->check_tls(std::move(done)); }

  ConnectionUse use(const NodeName& peer) { return uses_.begin(peer); }

  void disconnect(const NodeName& peer) {
    if (const auto found = nodes_.find(peer); found != nodes_.end()) {
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
    const auto connection = connection_to(call.from);
    if (!connection) {
      return;
    }
    auto frame = encode_send(call.from, gen_reply(call, reply));
    if (frame.size() > connection->room()) {
      const auto too_large = TermWriter().tuple(2).atom("error").atom("too_large").take();
      frame = encode_send(call.from, gen_reply(call, too_large));
    }
    connection->send(std::move(frame));
  }

  bool offer(const Pid& to, std::span<const char> message, std::size_t max_unsent_bytes) {
    const auto connection = connection_to(to);
    auto frame = encode_send(to, message);
    if (!connection || connection->unsent() + frame.size() > max_unsent_bytes) {
      return false;
    }
    connection->send(std::move(frame));
    return true;
  }

  void reply_error(const GenCall& call, std::string_view reason) {
    TermWriter error;
    error.tuple(2).atom("error").tuple(2).atom(reason).raw(call.request);
    reply(call, error.bytes());
  }

  void drop_message() { ++counters_.messages_dropped; }
  [[nodiscard]] const Pid& pid() const { return self_; }

 private:
  /// Null if there is none to its node.
  [[nodiscard]] std::shared_ptr<Connection> connection_to(const Pid& process) const {
    const auto node = NodeName::parse(process.node);
    const auto found = node ? nodes_.find(*node) : nodes_.end();
    return found == nodes_.end() ? nullptr : found->second.connection;
  }

  /// The calls over the connection to peer; without a connection, null, and `done` gets the error later.
  RemoteCalls* calls_to(const NodeName& peer, const OnCallResult& done) {
    if (const auto found = nodes_.find(peer); found != nodes_.end()) {
      return found->second.calls.get();
    }
    later([done, peer]() { done(failure(ErrorCode::unavailable, "no connection to " + peer.str())); });
    return nullptr;
  }

  void unused(const NodeName& peer) {
    const auto found = nodes_.find(peer);
    if (found != nodes_.end() && found->second.origin == ConnectionOrigin::made &&
        found->second.observers.size() == 0) {
      disconnect(peer);
    }
  }

  /// Runs on the loop, unless the node has stopped by then.
  void later(std::function<void()> what) {
    asio::post(loop_, [self = shared_from_this(), what = std::move(what)]() {
      if (!self->stopped_) {
        what();
      }
    });
  }

  void registration_changed(RegistrationState state, const std::string& reason) {
    const bool epmd_is_away = state == RegistrationState::unavailable || state == RegistrationState::lost;
    if (epmd_is_away && !settings_.epmd_program.empty()) {
      epmd_daemon_->ensure_running();
    } else {
      epmd_daemon_->stop_trying();
    }
    if (handlers_.registration) {
      handlers_.registration(state, reason);
    }
  }

  /// net_adm:ping/1 from a BEAM: {is_auth, Node} is answered with yes.
  void add_net_kernel() {
    processes_.add("net_kernel",
                   {.call =
                        [this](const GenCall& call) {
                          TermReader request(call.request);
                          if (request.accept_tuple(2) && request.accept_atom("is_auth")) {
                            reply(call, TermWriter().atom("yes").bytes());
                          } else {
                            reply_error(call, "unknown_request");
                          }
                        },
                    .cast = {},
                    .caller_gone = {},
                    .system = [this](const GenCall& call) { reply_error(call, "unknown_system_msg"); }});
  }

  /// A new connection replaces an older one to the same name: the other side has restarted or given up the
  /// old one.
  void install(const NodeName& peer, EstablishedConnection established, ConnectionOrigin origin) {
    ConnectedNode node;
    node.origin = origin;
    node.connection = std::make_shared<Connection>(
        loop_, std::move(established.socket), settings_.timing,
        Connection::Handlers{[this, peer](const Message& message) { take(peer, message); },
                             [this, peer](const Error& why) { lost(peer, why); }},
        std::move(established.tls));
    node.calls = std::make_unique<RemoteCalls>(
        loop_, self_, ++last_connection_number_,
        [connection = node.connection](std::vector<char> frame) { connection->send(std::move(frame)); });
    const auto connection = node.connection;
    // Installed first, so that a handler which hears of the old one's end and reconnects finds the new one.
    auto old = nodes_.extract(peer);
    nodes_.emplace(peer, std::move(node));
    connection->start();
    if (old) {
      ended(std::move(old), {ErrorCode::cancelled, "replaced by a new connection"});
    }
    if (!stopped_ && handlers_.node_up) {
      handlers_.node_up(peer);
    }
  }

  [[nodiscard]] std::size_t accepted_connections() const {
    return static_cast<std::size_t>(std::count_if(nodes_.begin(), nodes_.end(), [](const auto& named) {
      return named.second.origin == ConnectionOrigin::accepted;
    }));
  }

  using Nodes = std::map<NodeName, ConnectedNode>;

  void ended(Nodes::node_type node, const Error& why) {
    node.mapped().connection->close_silently();
    ++counters_.connections_lost;
    if (handlers_.node_down) {
      handlers_.node_down(node.key(), why);
    }
    if (!stopped_) {
      node.mapped().calls->fail_all(why);
    }
  }

  void lost(const NodeName& peer, const Error& why) {
    if (const auto found = nodes_.find(peer); found != nodes_.end()) {
      ended(nodes_.extract(found), why);
    }
  }

  void take(const NodeName& peer, const Message& message) {
    if (const auto found = nodes_.find(peer); found != nodes_.end()) {
      dispatcher_.dispatch(found->second, message);
    }
  }

  asio::io_context& loop_;
  const Settings settings_;
  Handlers handlers_;
  const Pid self_;
  Counters counters_;
  LocalProcesses processes_;
  Dispatcher dispatcher_{processes_, self_, counters_};
  std::shared_ptr<EpmdDaemon> epmd_daemon_;
  std::unique_ptr<EpmdRegistration> registration_;
  Nodes nodes_;
  ConnectionUses uses_{[this](const NodeName& peer) { unused(peer); }};
  std::uint32_t last_connection_number_ = 0;
  bool stopped_ = false;
  std::shared_ptr<Connector> connector_;
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
std::size_t CNode::connection_count() const { return impl_->connection_count(); }
bool CNode::connected(const NodeName& peer) const { return impl_->connected(peer); }
void CNode::connect(const NodeName& peer, OnConnected done) { impl_->connect(peer, std::move(done)); }
void CNode::look_up(const NodeName& peer, OnPort done) { impl_->look_up(peer, std::move(done)); }
void CNode::set_cookie(const Cookie& cookie) { impl_->set_cookie(cookie); }
void CNode::set_tls(const std::optional<TlsSettings>& tls) { impl_->set_tls(tls); }
void CNode::check_tls(std::function<void(const std::vector<std::string>&)> done) {
  impl_->check_tls(std::move(done));
}
ConnectionUse CNode::use(const NodeName& peer) { return impl_->use(peer); }
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
void CNode::reply_error(const GenCall& call, std::string_view reason) { impl_->reply_error(call, reason); }
bool CNode::offer(const Pid& to, std::span<const char> message, std::size_t max_unsent_bytes) {
  return impl_->offer(to, message, max_unsent_bytes);
}
void CNode::drop_message() { impl_->drop_message(); }
const Pid& CNode::pid() const { return impl_->pid(); }

}  // namespace rancher_cnode::distribution
