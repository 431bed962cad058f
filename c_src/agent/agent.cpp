#include "rancher_cnode/agent/agent.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <optional>
#include <utility>
#include <variant>

#include "agent/loop_timers.hpp"
#include "agent/membership_log.hpp"
#include "agent/shutdown_triggers.hpp"
#include "agent/targets.hpp"
#include "agent/watchdog.hpp"
#include "rancher_cnode/agent/component_settings.hpp"
#include "rancher_cnode/core/interfaces.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "rancher_cnode/status/readiness_report.hpp"
#include "rancher_cnode/status/status_server.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using distribution::RegistrationState;

namespace {

/// When the container starts, its address may not be on the interface yet.
constexpr Milliseconds listen_retry{1'000};

}  // namespace

class Agent::Impl {
 public:
  Impl(Config config, std::string version, const Log& log)
      : config_(std::move(config)),
        program_version_(std::move(version)),
        log_(log),
        membership_log_(log),
        started_(Clock::now()),
        loop_(1),
        watchdog_log_(config_.log_level, config_.log_format),
        watchdog_(loop_, {}, [this]() { stalled(); }),
        shutdown_triggers_(std::make_shared<ShutdownTriggers>(
            loop_, timers_, [this](const std::string& reason) { end(reason); })),
        watcher_(
            watcher_settings(config_),
            {.observed =
                 [this](metadata::Observation observation) {
                   asio::post(loop_,
                              [this, observation = std::move(observation)]() { observed(observation); });
                 },
             .own_address_found =
                 config_.ip
                     ? std::function<void(Ipv4Address)>()
                     : [this](Ipv4Address own) { asio::post(loop_, [this, own]() { on_own_address(own); }); },
             .is_own_address = is_on_an_interface},
            log_) {}

  int run() {
    distribution::initialise_handshakes();
    shutdown_triggers_->watch_signals();
    if (config_.watch_pid) {
      shutdown_triggers_->watch_process(*config_.watch_pid);
    }
    if (config_.exit_on_eof == Switch::on) {
      shutdown_triggers_->watch_standard_input();
    }
    if (config_.ip) {
      on_own_address(*config_.ip);
    }
    watcher_.start();
    loop_.run();
    return 0;
  }

 private:
  /// On the watchdog's thread. Nothing is cleaned up: that would hang as well.
  [[noreturn]] void stalled() const {
    watchdog_log_.error("loop_stalled", "the event loop stalled for 30 s; exiting with status 1");
    std::_Exit(1);
  }

  void end(const std::string& reason) {
    if (std::exchange(ended_, true)) {
      return;
    }
    log_.info("shutdown_started", "existing connections stay", {{"reason", reason}});
    watcher_.stop();
    shutdown_triggers_->stop();
    listen_timer_.reset();
    read_timer_.reset();
    if (cnode_) {
      targets_->stop();
      cnode_->stop();
    }
    loop_.stop();
  }

  void on_own_address(Ipv4Address own) {
    if (ended_ || cnode_) {
      return;
    }
    membership_.emplace(membership_settings(config_, own));
    cnode_.emplace(
        loop_, cnode_settings(config_, own),
        distribution::CNode::Handlers{
            .node_up = [this](const NodeName& node) { targets_->node_up(node); },
            .node_down =
                [this](const NodeName& node, const Error& why) {
                  status_->forget(node);
                  targets_->node_down(node, why);
                },
            .registration = [this](RegistrationState state,
                                   const std::string& reason) { registration_changed(state, reason); }},
        log_);
    targets_.emplace(loop_, *cnode_, timers_, config_, log_, [this]() { check_initial_sync(); });
    status_.emplace(
        timers_, *cnode_,
        status::StatusServer::Source{
            .snapshot = [this]() { return snapshot(); },
            .has_synced = [this]() { return targets_->has_synced(); },
            .readiness =
                [this]() { return status::readiness_report(membership_->view(), targets_->unsynced()); },
            .refresh =
                [this]() {
                  watcher_.refresh();
                  targets_->on_external_change();
                },
            .version = program_version_});
    listen();
  }

  /// Nothing else starts before the listener.
  void listen() {
    if (const auto started = cnode_->start(); !started) {
      const std::string& reason = started.error().message;
      if (std::exchange(logged_listen_failure_, reason) != reason) {
        log_.warning("listener_failed", reason + "; retrying", {{"node", cnode_->name().str()}});
      }
      listen_timer_ = timers_.call_after(listen_retry, [this]() { listen(); });
      return;
    }
    log_.info("listener_started", "", {{"node", cnode_->name().str()}, {"port", cnode_->listen_port()}});
    targets_->start();
    listening_ = true;
    if (pending_observation_) {
      observed(*std::exchange(pending_observation_, std::nullopt));
    }
  }

  void observed(const metadata::Observation& observation) {
    if (ended_) {
      return;
    }
    if (!listening_) {
      keep_for_later(observation);
      return;
    }
    const auto now = Clock::now();
    membership_log_.write(
        membership_->observe(now, observation.scope, observation.read, observation.authority).facts);
    if (membership_->view().last_answer) {
      targets_->share(membership_->desired());
    }
    if (!observation.url.empty()) {
      metadata_url_ = observation.url;
    }
    if (!observation.version.empty() &&
        std::exchange(metadata_version_, observation.version) != observation.version) {
      targets_->on_external_change();
    }
    read_again_later();
    check_initial_sync();
  }

  /// Keeps the last successful read; a failed one must not replace it.
  void keep_for_later(const metadata::Observation& observation) {
    const bool read_failed = std::holds_alternative<membership::FailedRead>(observation.read);
    if (!pending_observation_ || !read_failed) {
      pending_observation_ = observation;
    }
  }

  /// A suspicion can be confirmed only by a read, and a long-poll may not return for a long time.
  void read_again_later() {
    const auto when = membership_->wants_read_at();
    read_timer_ = when ? timers_.call_at(*when, [this]() { watcher_.refresh(); }) : nullptr;
  }

  void check_initial_sync() {
    if (ended_) {
      return;
    }
    status_->check_initial_sync();
    if (config_.once == Switch::on && targets_->has_synced()) {
      // Posted, because a target may be in the middle of its step.
      asio::post(loop_, [this]() { end("initial sync done"); });
    }
  }

  [[nodiscard]] status::Snapshot snapshot() const {
    return {.now = Clock::now(),
            .started = started_,
            .node = cnode_->name(),
            .program_version = program_version_,
            .registration = cnode_->registration(),
            .connections = cnode_->connection_count(),
            .node_counters = cnode_->counters(),
            .metadata = {metadata_url_, metadata_version_, membership_->view()},
            .member_views = membership_->member_views(),
            .targets = targets_->snapshots()};
  }

  void registration_changed(RegistrationState state, const std::string& reason) {
    const std::string& node = cnode_->name().str();
    switch (state) {
      case RegistrationState::registered:
        log_.info("node_registered", "", {{"node", node}});
        break;
      case RegistrationState::unavailable:
        log_.info("epmd_awaited", reason + "; retrying", {{"node", node}});
        break;
      case RegistrationState::name_taken:
        log_.warning("node_name_taken", reason + "; retrying", {{"node", node}});
        break;
      case RegistrationState::lost:
        log_.warning("registration_lost", reason + "; retrying", {{"node", node}});
        break;
    }
  }

  Config config_;
  std::string program_version_;
  const Log& log_;
  MembershipLog membership_log_;
  TimePoint started_;
  asio::io_context loop_;
  const Log watchdog_log_;  ///< separate, since the loop may hang while it writes to the other
  Watchdog watchdog_;       ///< destroyed last, after everything that may block
  LoopTimers timers_{loop_};
  Timers::Pending listen_timer_;
  Timers::Pending read_timer_;
  std::shared_ptr<ShutdownTriggers> shutdown_triggers_;
  metadata::MetadataWatcher watcher_;
  std::optional<membership::Membership> membership_;
  std::optional<distribution::CNode> cnode_;
  std::optional<Targets> targets_;
  std::optional<status::StatusServer> status_;
  std::optional<metadata::Observation> pending_observation_;  ///< received before the listener started
  std::string logged_listen_failure_;
  std::string metadata_url_;
  std::string metadata_version_;
  bool listening_ = false;
  bool ended_ = false;
};

Agent::Agent(Config config, std::string version, const Log& log)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(version), log)) {}

Agent::~Agent() = default;

int Agent::run() { return impl_->run(); }

}  // namespace rancher_cnode::agent
