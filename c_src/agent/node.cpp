#include "agent/node.hpp"

#include <utility>

#include "agent/membership_log.hpp"
#include "agent/targets.hpp"
#include "rancher_cnode/agent/component_settings.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/status/readiness_report.hpp"
#include "rancher_cnode/status/status_server.hpp"

namespace rancher_cnode::agent {
using distribution::RegistrationState;

namespace {

/// When the container starts, its address may not be on the interface yet.
constexpr Milliseconds listen_retry{1'000};

}  // namespace

class Node::Impl {
 public:
  Impl(boost::asio::io_context& loop, Timers& timers, Config config, NodeName beam, std::string version,
       const Log& log, NodeOwner owner)
      : timers_(timers),
        config_(std::move(config)),
        beam_(std::move(beam)),
        log_(log),
        version_(std::move(version)),
        owner_(std::move(owner)),
        started_(timers.now()),
        membership_log_(log),
        membership_(membership_settings(config_, *config_.ip)),
        cnode_(loop, cnode_settings(config_, *config_.ip), handlers(), log),
        targets_(loop, cnode_, timers, config_, beam_, log, [this]() { check_initial_sync(); }),
        status_(timers, cnode_, source()) {}

  void start() {
    if (const auto started = cnode_.start(); !started) {
      const std::string& reason = started.error().message;
      if (std::exchange(logged_listen_failure_, reason) != reason) {
        log_.warning("listener_failed", reason + "; retrying", {{"node", cnode_.name().str()}});
      }
      listen_timer_ = timers_.call_after(listen_retry, [this]() { start(); });
      return;
    }
    log_.info("listener_started", "", {{"node", cnode_.name().str()}, {"port", cnode_.listen_port()}});
    targets_.start();
    owner_.listening();
  }

  void stop() {
    listen_timer_.reset();
    read_timer_.reset();
    targets_.stop();
    cnode_.stop();
  }

  void observed(const metadata::Observation& observation) {
    const auto now = timers_.now();
    membership_log_.write(
        membership_.observe(now, observation.scope, observation.read, observation.authority).facts);
    if (membership_.view().last_answer) {
      targets_.share(membership_.desired());
    }
    if (!observation.url.empty()) {
      metadata_url_ = observation.url;
    }
    if (!observation.version.empty() &&
        std::exchange(metadata_version_, observation.version) != observation.version) {
      targets_.on_external_change();
    }
    read_again_later();
    check_initial_sync();
  }

  [[nodiscard]] bool is_for(const FoundBeam& beam) const {
    return beam.name == beam_ && beam.epmd_port == config_.epmd_port;
  }

  void use_cookie(const Cookie& cookie) { targets_.use_cookie(cookie); }

 private:
  distribution::CNode::Handlers handlers() {
    return {.node_up = [this](const NodeName& node) { targets_.node_up(node); },
            .node_down =
                [this](const NodeName& node, const Error& why) {
                  status_.forget(node);
                  targets_.node_down(node, why);
                },
            .registration = [this](RegistrationState state,
                                   const std::string& reason) { registration_changed(state, reason); }};
  }

  status::StatusServer::Source source() {
    return {
        .snapshot = [this]() { return snapshot(); },
        .has_synced = [this]() { return targets_.has_synced(); },
        .readiness = [this]() { return status::readiness_report(membership_.view(), targets_.unsynced()); },
        .refresh =
            [this]() {
              owner_.read_again();
              targets_.on_external_change();
            },
        .version = version_};
  }

  /// A suspicion can be confirmed only by a read, and a long-poll may not return for a long time.
  void read_again_later() {
    const auto when = membership_.wants_read_at();
    read_timer_ = when ? timers_.call_at(*when, [this]() { owner_.read_again(); }) : nullptr;
  }

  void check_initial_sync() {
    status_.check_initial_sync();
    if (targets_.has_synced()) {
      owner_.synced();
    }
  }

  [[nodiscard]] status::Snapshot snapshot() const {
    return {.now = timers_.now(),
            .started = started_,
            .node = cnode_.name(),
            .program_version = version_,
            .registration = cnode_.registration(),
            .connections = cnode_.connection_count(),
            .node_counters = cnode_.counters(),
            .metadata = {metadata_url_, metadata_version_, membership_.view()},
            .member_views = membership_.member_views(),
            .targets = targets_.snapshots()};
  }

  void registration_changed(RegistrationState state, const std::string& reason) {
    const std::string& node = cnode_.name().str();
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

  Timers& timers_;
  const Config config_;
  const NodeName beam_;
  const Log& log_;
  const std::string version_;
  const NodeOwner owner_;
  const TimePoint started_;
  MembershipLog membership_log_;
  membership::Membership membership_;
  distribution::CNode cnode_;
  Targets targets_;
  status::StatusServer status_;
  Timers::Pending listen_timer_;
  Timers::Pending read_timer_;
  std::string logged_listen_failure_;
  std::string metadata_url_;
  std::string metadata_version_;
};

Node::Node(boost::asio::io_context& loop, Timers& timers, Config config, NodeName beam, std::string version,
           const Log& log, NodeOwner owner)
    : impl_(std::make_unique<Impl>(loop, timers, std::move(config), std::move(beam), std::move(version), log,
                                   std::move(owner))) {}

Node::~Node() = default;

void Node::start() { impl_->start(); }
void Node::stop() { impl_->stop(); }
void Node::observed(const metadata::Observation& observation) { impl_->observed(observation); }
bool Node::is_for(const FoundBeam& beam) const { return impl_->is_for(beam); }
void Node::use_cookie(const Cookie& cookie) { impl_->use_cookie(cookie); }

}  // namespace rancher_cnode::agent
