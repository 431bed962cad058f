#include "agent/target.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>
#include <variant>

#include "agent/answers.hpp"
#include "agent/disconnect.hpp"
#include "rancher_cnode/agent/component_settings.hpp"
#include "rancher_cnode/core/backoff.hpp"
#include "rancher_cnode/distribution/epmd.hpp"
#include "rancher_cnode/distribution/term.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using distribution::CallResult;
using distribution::TermBytes;
using distribution::TermWriter;
namespace event = reconciler::event;
namespace action = reconciler::action;

namespace {

/// How long a list of connections may take: longer after each that failed, so that a BEAM that is always slow is driven
/// all the same.
constexpr Backoff list_limit(Milliseconds(5'000), Milliseconds(60'000));
constexpr Milliseconds probe_limit{1'000};
/// Above net_kernel's own net_setuptime of 7 s, after which a dial is false.
constexpr Milliseconds dial_limit{15'000};

}  // namespace

Target::Target(asio::io_context& loop, distribution::Connections& cnode, Timers& timers, const Config& config,
               CookieWatch& cookie, const Log& log, NodeName name, std::function<void()> changed)
    : loop_(loop),
      cnode_(cnode),
      timers_(timers),
      config_(config),
      name_(std::move(name)),
      connection_log_(log, name_),
      link_(std::make_shared<TargetConnection>(
          cnode, timers, cookie, log, name_,
          TargetConnection::Handlers{.up = [this]() { step(event::TargetUp{}); },
                                     .down = [this]() { step(event::TargetDown{}); },
                                     .attempt_failed = [this]() { changed_(); }})),
      reconciler_(reconciler_settings(config, name_)),
      changed_(std::move(changed)) {}

void Target::start() { link_->start(); }

void Target::stop() {
  stopped_ = true;
  link_->stop();
  wake_.reset();
}

void Target::desired_changed(const std::shared_ptr<const membership::Desired>& desired) {
  desired_ = desired;
  step(event::DesiredChanged{desired});
}

void Target::on_external_change() {
  link_->retry_now();
  step(event::ExternalChange{});
}

status::TargetSnapshot Target::snapshot(reconciler::PeerScope scope) const {
  return {.node = name_,
          .state = link_->state(),
          .reason = link_->reason(),
          .stage = link_->stage(),
          .since = link_->since(),
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
    std::visit([this](const auto& what) { execute(what); }, action);
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

void Target::execute(const action::ListConnections& list) {
  TermWriter arguments;
  if (config_.list_nodes) {
    arguments.nil();
  } else {
    arguments.list(1).atom("connected").nil();
  }
  cnode_.call(
      name_, config_.list_nodes.value_or(ModuleFunction{"erlang", "nodes"}), arguments.bytes(),
      list_limit.after(failed_lists_ + 1),
      [self = shared_from_this(), id = list.id](const CallResult& result) { self->listed(id, result); });
}

void Target::listed(reconciler::ActionId id, const CallResult& result) {
  if (stopped_ || !link_->up()) {
    return;
  }
  auto links = result.and_then([](const TermBytes& term) { return node_names(term); });
  if (!links) {
    ++failed_lists_;
    link_->answered(links.error().message);
    step(event::ListFailed{id});
    return;
  }
  failed_lists_ = 0;
  link_->answered("");
  step(event::ConnectionsListed{id, *links});
}

void Target::execute(const action::Probe& probe) {
  auto self = shared_from_this();
  asio::co_spawn(
      loop_,
      [self, probe]() -> asio::awaitable<void> {
        // The host of every peer is an address: membership makes no other names.
        const auto address = Ipv4Address::parse(probe.peer.host()).value_or(Ipv4Address{});
        const auto port = co_await distribution::epmd_port(address, self->config_.epmd_port,
                                                           std::string(probe.peer.alive()), probe_limit);
        self->step(event::Probed{probe.id, probe_outcome(port), port.value_or(0)});
      },
      asio::detached);
}

void Target::execute(const action::Inspect& inspection) {
  asio::co_spawn(
      loop_,
      [self = shared_from_this(), inspection]() -> asio::awaitable<void> {
        auto [outcome, connections] = co_await inspect(self->cnode_, inspection.peer, self->name_);
        self->step(event::Inspected{inspection.id, outcome, std::move(connections)});
      },
      asio::detached);
}

void Target::execute(const action::Dial& dial) {
  TermWriter arguments;
  arguments.list(1).atom(dial.peer.str()).nil();
  cnode_.call(name_, config_.connect, arguments.bytes(), dial_limit,
              [self = shared_from_this(), dial, began = timers_.now()](const CallResult& result) {
                self->dialled(dial, began, result);
              });
}

void Target::dialled(const action::Dial& dial, TimePoint began, const CallResult& result) {
  if (stopped_ || !link_->up()) {
    return;
  }
  step(event::Dialled{dial.id, dial_outcome(result, timers_.now() - began)});
}

void Target::execute(const action::Disconnect& action) {
  const auto self = shared_from_this();
  DisconnectRequest request{
      .departed = action.peer,
      .target = name_,
      .function = config_.disconnect,
      .still_departed =
          [self, peer = action.peer]() { return !self->stopped_ && self->desired_->departed.contains(peer); },
      .in_cluster = [self](const NodeName& node) { return self->is_of_cluster(node); }};
  asio::co_spawn(
      loop_,
      [self, action, request = std::move(request)]() -> asio::awaitable<void> {
        const auto result = co_await disconnect(self->cnode_, request);
        if (!self->stopped_) {
          self->connection_log_.disconnect_requested(action.peer, result.outcome, result.detail);
          self->step(event::Disconnected{action.id, result.outcome});
        }
      },
      asio::detached);
}

/// The metadata names it, or has named it.
bool Target::is_of_cluster(const NodeName& node) const {
  return node != name_ && (desired_->members.contains(node) || desired_->departed.contains(node) ||
                           desired_->suspended.contains(node));
}

}  // namespace rancher_cnode::agent
