#include "agent/target.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>
#include <variant>

#include "agent/answers.hpp"
#include "agent/disconnect.hpp"
#include "agent/inspect.hpp"
#include "agent/remote.hpp"
#include "rancher_cnode/agent/component_settings.hpp"
#include "rancher_cnode/core/backoff.hpp"
#include "rancher_cnode/distribution/peer_port.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using distribution::CallResult;
using distribution::TermBytes;
using distribution::TermWriter;
namespace event = reconciler::event;
namespace action = reconciler::action;

namespace {

/// How long a list of connections may take: longer after each that failed, so that a BEAM that is always slow
/// is driven all the same.
constexpr Backoff list_limit(Milliseconds(5'000), Milliseconds(60'000));
constexpr Milliseconds probe_limit{1'000};
/// Above net_kernel's own net_setuptime of 7 s, after which a dial is false.
constexpr Milliseconds dial_limit{15'000};

}  // namespace

Target::Target(asio::any_io_executor loop, distribution::Connections& cnode, Timers& timers,
               const Config& config, CookieWatch& cookie, status::Durations& durations, const Log& log,
               NodeName name, std::function<void()> changed)
    : loop_(std::move(loop)),
      cnode_(cnode),
      timers_(timers),
      config_(config),
      durations_(durations),
      name_(std::move(name)),
      connection_log_(log, name_),
      connection_(std::make_shared<TargetConnection>(
          loop_, cnode, timers, cookie, log, name_,
          TargetConnection::Handlers{.up = [this]() { step(event::TargetUp{}); },
                                     .down = [this]() { step(event::TargetDown{}); },
                                     .attempt_failed = [this]() { changed_(); }})),
      reconciler_(reconciler_settings(config, name_)),
      changed_(std::move(changed)) {}

void Target::start() { connection_->start(); }

void Target::stop() {
  stopped_ = true;
  connection_->stop();
  wake_.reset();
}

void Target::desired_changed(const std::shared_ptr<const membership::Desired>& desired) {
  desired_ = desired;
  step(event::DesiredChanged{desired});
}

void Target::on_external_change() {
  connection_->retry_now();
  step(event::ExternalChange{});
}

status::TargetSnapshot Target::snapshot(reconciler::PeerScope scope) const {
  return {.node = name_,
          .state = connection_->state(),
          .reason = connection_->reason(),
          .stage = connection_->stage(),
          .since = connection_->since(),
          .has_synced = reconciler_.has_synced(),
          .connected = reconciler_.connected_peers(),
          .peers = reconciler_.peers(scope),
          .departed = reconciler_.departed(),
          .counters = reconciler_.counters()};
}

void Target::step(const reconciler::Event& event) {
  if (stopped_) {
    return;
  }
  const auto taken = reconciler_.step(timers_.now(), event);
  connection_log_.write(taken.facts);
  for (const auto& action : taken.actions) {
    std::visit(
        [this](const auto& what) {
          asio::co_spawn(loop_, execute(shared_from_this(), what), asio::detached);
        },
        action);
  }
  wake_later();
  changed_();
}

void Target::wake_later() {
  const TimePoint when = reconciler_.next_wake();
  if (when == TimePoint::max()) {
    wake_.reset();
    return;
  }
  wake_ = timers_.call_at(when, [self = shared_from_this()]() { self->step(event::Tick{}); });
}

asio::awaitable<void> Target::execute(std::shared_ptr<Target> self, action::ListConnections list) {
  TermWriter arguments;
  if (self->config_.list_nodes) {
    arguments.nil();
  } else {
    arguments.list(1).atom("connected").nil();
  }
  const auto function = self->config_.list_nodes.value_or(ModuleFunction{"erlang", "nodes"});
  const auto result = co_await call(self->cnode_, self->name_, function, arguments.take(),
                                    list_limit.after(self->failed_lists_ + 1));
  self->listed(list.id, result);
}

void Target::listed(reconciler::ActionId id, const CallResult& result) {
  if (stopped_ || !connection_->up()) {
    return;
  }
  auto connected = result.and_then([](const TermBytes& term) { return node_names(term); });
  if (!connected) {
    ++failed_lists_;
    connection_->answered(connected.error().message);
    step(event::ListFailed{id});
    return;
  }
  failed_lists_ = 0;
  connection_->answered("");
  step(event::ConnectionsListed{id, *connected});
}

asio::awaitable<void> Target::execute(std::shared_ptr<Target> self, action::Probe probe) {
  // The host of every peer is an address: membership makes no other names.
  const auto address = probe.peer.address().value_or(Ipv4Address{});
  const TimePoint began = self->timers_.now();
  const auto port = co_await distribution::peer_port(address, std::string(probe.peer.alive()),
                                                     port_source(self->config_), probe_limit);
  const auto outcome = probe_outcome(port, probe_mode(self->config_));
  self->durations_.add(outcome, self->timers_.now() - began);
  self->step(event::Probed{probe.id, outcome, port.value_or(0)});
}

asio::awaitable<void> Target::execute(std::shared_ptr<Target> self, action::Inspect inspection) {
  auto [outcome, connections] = co_await inspect(self->cnode_, inspection.peer, self->name_);
  self->step(event::Inspected{inspection.id, outcome, std::move(connections)});
}

asio::awaitable<void> Target::execute(std::shared_ptr<Target> self, action::Dial dial) {
  TermWriter arguments;
  arguments.list(1).atom(dial.peer.str()).nil();
  const auto began = self->timers_.now();
  const auto result =
      co_await call(self->cnode_, self->name_, self->config_.connect, arguments.take(), dial_limit);
  if (!self->stopped_ && self->connection_->up()) {
    const Duration took = self->timers_.now() - began;
    const auto outcome = dial_outcome(result, took);
    self->durations_.add(outcome, took);
    self->step(event::Dialled{dial.id, outcome});
  }
}

asio::awaitable<void> Target::execute(std::shared_ptr<Target> self, action::Disconnect action) {
  const DisconnectRequest request{
      .departed = action.peer,
      .target = self->name_,
      .function = self->config_.disconnect,
      .still_departed =
          [self, peer = action.peer]() { return !self->stopped_ && self->desired_->departed.contains(peer); },
      .in_cluster = [self](const NodeName& node) { return self->is_of_cluster(node); }};
  const auto result = co_await disconnect(self->cnode_, request);
  if (!self->stopped_) {
    self->connection_log_.disconnect_requested(action.peer, result.outcome, result.detail);
    self->step(event::Disconnected{action.id, result.outcome});
  }
}

/// The metadata names it, or has named it.
bool Target::is_of_cluster(const NodeName& node) const {
  return node != name_ && (desired_->members.contains(node) || desired_->departed.contains(node) ||
                           desired_->suspended.contains(node));
}

}  // namespace rancher_cnode::agent
