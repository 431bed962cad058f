#include "agent/node.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <utility>

#include "agent/member_store.hpp"
#include "agent/membership_log.hpp"
#include "agent/mesh_query.hpp"
#include "agent/targets.hpp"
#include "agent/unlisted_facts.hpp"
#include "rancher_cnode/agent/component_settings.hpp"
#include "rancher_cnode/config/validation.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/membership/memberships.hpp"
#include "rancher_cnode/status/readiness_report.hpp"
#include "rancher_cnode/status/status_server.hpp"

namespace rancher_cnode::agent {
using distribution::RegistrationState;

namespace {

/// When the container starts, its address may not be on the interface yet.
constexpr Milliseconds listen_retry{1'000};

Milliseconds unix_time() {
  return std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

class Node::Impl {
 public:
  Impl(boost::asio::io_context& loop, Timers& timers, Config config, NodeName beam, Program program,
       const Log& log, NodeOwner owner)
      : timers_(timers),
        config_(std::move(config)),
        beam_(std::move(beam)),
        log_(log),
        program_(std::move(program)),
        owner_(std::move(owner)),
        membership_log_(log),
        memberships_(membership_settings(config_, *config_.ip), config_.labels),
        cnode_(loop, cnode_settings(config_, *config_.ip), handlers(), log),
        targets_(loop.get_executor(), cnode_, timers, config_, beam_, log,
                 [this]() { check_initial_sync(); }),
        mesh_(std::make_shared<MeshQuery>(
            loop.get_executor(), cnode_, timers,
            [this]() {
              return MeshQuery::Question{targets_.responsive(), memberships_.member_views()};
            })),
        status_(timers, cnode_, source()),
        member_store_(config_.state_file, memberships_, timers, unix_time, log, loop.get_executor(),
                      [this](const std::vector<membership::MembershipFact>& facts) {
                        membership_log_.write(facts);
                        targets_.share(memberships_.desired());
                      }) {
    deliver_events_of(loop);
  }
  ~Impl() { log_.on_event({}); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start() {
    log_tls();
    if (const auto started = cnode_.start(); !started) {
      const std::string& reason = started.error().message;
      if (std::exchange(logged_listen_failure_, reason) != reason) {
        log_.warning("listener_failed", reason + "; retrying", {{"node", cnode_.name().str()}});
      }
      listen_timer_ = timers_.call_after(listen_retry, [this]() { start(); });
      return;
    }
    if (config_.dist_port) {
      log_.info("epmd_bypassed", "BEAMs are reached at their distribution port",
                {{"node", cnode_.name().str()}, {"port", *config_.dist_port}});
    } else {
      log_.info("listener_started", "", {{"node", cnode_.name().str()}, {"port", cnode_.listen_port()}});
    }
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
    member_store_.before(observation.reads);
    log_facts(memberships_.observe(timers_.now(), observation.reads, observation.authority).facts);
    membership_log_.write(unlisted_.take(observation));
    member_store_.after();
    if (memberships_.view().last_answer) {
      targets_.share(memberships_.desired());
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

  [[nodiscard]] status::Snapshot snapshot() const {
    auto snapshot = program_.snapshot(timers_.now());
    snapshot.node = cnode_.name();
    snapshot.registration = cnode_.registration();
    snapshot.connections = cnode_.connection_count();
    snapshot.node_counters = cnode_.counters();
    snapshot.settings = settings_;
    snapshot.metadata = {metadata_url_, metadata_version_, memberships_.view()};
    for (const auto& membership : memberships_.services()) {
      snapshot.metadata.services.push_back({membership.service(), membership.view()});
    }
    snapshot.member_views = memberships_.member_views();
    snapshot.targets = targets_.snapshots();
    snapshot.durations = targets_.durations();
    return snapshot;
  }

  void refresh() {
    owner_.read_again();
    targets_.on_external_change();
  }

  [[nodiscard]] bool is_for(const FoundBeam& beam) const {
    const auto protocol = config_.proto_dist.value_or(ProtoDist::inet_tcp);
    const bool speaks_the_same = beam.distribution.protocol == protocol &&
                                 (protocol == ProtoDist::inet_tcp || beam.distribution.tls == config_.tls);
    const bool is_found_alike =
        beam.dist_port == config_.dist_port && (config_.dist_port || beam.epmd_port == config_.epmd_port);
    return beam.name == beam_ && is_found_alike && speaks_the_same;
  }

  void use_cookie(const Cookie& cookie) { targets_.use_cookie(cookie); }
  void ask_mesh(MeshQuery::Done done) { mesh_->ask(std::move(done)); }

 private:
  /// They are logged on any thread; those of one moment are delivered together. The loop ends before this
  /// does.
  void deliver_events_of(boost::asio::io_context& loop) {
    log_.on_event([this, &loop, posted = std::make_shared<std::atomic_flag>()]() {
      if (!posted->test_and_set()) {
        boost::asio::post(loop, [this, posted]() {
          posted->clear();
          status_.deliver_events();
        });
      }
    });
  }

  void log_facts(std::vector<membership::MembershipFact> facts) {
    const bool waited = unlisted_.are_waiting();
    membership_log_.write(unlisted_.pass(std::move(facts)));
    if (!waited && unlisted_.are_waiting()) {
      owner_.ask_own_address();
    }
  }

  /// Only once: a node that cannot listen starts again.
  void log_tls() {
    if (std::exchange(logged_tls_, true)) {
      return;
    }
    cnode_.check_tls([this](const std::vector<std::string>& warnings) {
      for (const std::string& warning : warnings) {
        log_.warning("tls_degraded", warning, {{"node", cnode_.name().str()}});
      }
    });
  }

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
        .have_synced = [this](const auto& services) { return have_synced(services); },
        .readiness = [this]() { return status::readiness_report(memberships_.view(), targets_.unsynced()); },
        .refresh = [this]() { refresh(); },
        .set_services = [this](const auto& services) { return set_services(services); },
        .events = [this](std::uint64_t after_id, std::size_t limit) { return log_.recent(after_id, limit); },
        .mesh = [this](MeshQuery::Done done) { ask_mesh(std::move(done)); },
        .version = program_.file.version};
  }

  Expected<void> set_services(const std::vector<std::string>& texts) {
    auto services = config::peer_services(texts, config_.metadata_version);
    if (!services) {
      return tl::unexpected<Error>(std::move(services.error()));
    }
    Config config = config_;
    config.services = *std::move(services);
    const bool any_read = memberships_.view().last_answer.has_value();
    const auto changed = memberships_.set_services(membership_settings(config, *config_.ip));
    if (changed.facts.empty()) {
      return {};
    }
    settings_ = deciding_settings(config);
    log_facts(changed.facts);
    if (any_read) {
      targets_.share(memberships_.desired());
    }
    owner_.read_services(paths_of(config.services));
    return {};
  }

  /// Whether each of these services was read, and the peers are connected or tried.
  [[nodiscard]] Expected<bool> have_synced(const std::vector<std::string>& texts) const {
    const auto wanted = config::peer_services(texts, config_.metadata_version);
    if (!wanted) {
      return tl::unexpected<Error>(wanted.error());
    }
    return targets_.has_synced() && std::ranges::all_of(*wanted, [this](const PeerService& service) {
             const auto& all = memberships_.services();
             const auto found = std::ranges::find(all, service.text(), &membership::Membership::service);
             return found != all.end() && found->view().last_answer;
           });
  }

  /// A suspicion can be confirmed only by a read, and a long-poll may not return for a long time.
  void read_again_later() {
    const auto when = memberships_.wants_read_at();
    read_timer_ = when ? timers_.call_at(*when, [this]() { owner_.read_again(); }) : nullptr;
  }

  void check_initial_sync() {
    status_.check_initial_sync();
    if (targets_.has_synced()) {
      owner_.synced();
    }
  }

  void registration_changed(RegistrationState state, const std::string& reason) {
    const std::string& node = cnode_.name().str();
    switch (state) {
      case RegistrationState::registered:
        log_.info("node_registered", "", {{"node", node}});
        break;
      case RegistrationState::unavailable:
        log_.not_yet("epmd_awaited", reason + "; retrying", {{"node", node}});
        break;
      case RegistrationState::name_taken:
        log_.warning("node_name_taken", reason + "; retrying", {{"node", node}});
        break;
      case RegistrationState::lost:
        log_.warning("registration_lost", reason + "; retrying", {{"node", node}});
        break;
      case RegistrationState::not_used:
        break;
    }
  }

  Timers& timers_;
  const Config config_;
  const NodeName beam_;
  const Log& log_;
  const Program program_;
  const NodeOwner owner_;
  MembershipLog membership_log_;
  UnlistedFacts unlisted_;
  membership::Memberships memberships_;
  distribution::CNode cnode_;
  Targets targets_;
  std::shared_ptr<MeshQuery> mesh_;
  status::StatusServer status_;
  MemberStore member_store_;
  Timers::Pending listen_timer_;
  Timers::Pending read_timer_;
  std::string logged_listen_failure_;
  bool logged_tls_ = false;
  std::vector<status::Setting> settings_{deciding_settings(config_)};
  std::string metadata_url_;
  std::string metadata_version_;
};

Node::Node(boost::asio::io_context& loop, Timers& timers, Config config, NodeName beam, Program program,
           const Log& log, NodeOwner owner)
    : impl_(std::make_unique<Impl>(loop, timers, std::move(config), std::move(beam), std::move(program), log,
                                   std::move(owner))) {}

Node::~Node() = default;

void Node::start() { impl_->start(); }
void Node::stop() { impl_->stop(); }
void Node::observed(const metadata::Observation& observation) { impl_->observed(observation); }
status::Snapshot Node::snapshot() const { return impl_->snapshot(); }
void Node::ask_mesh(MeshQuery::Done done) { impl_->ask_mesh(std::move(done)); }
void Node::refresh() { impl_->refresh(); }
bool Node::is_for(const FoundBeam& beam) const { return impl_->is_for(beam); }
void Node::use_cookie(const Cookie& cookie) { impl_->use_cookie(cookie); }

}  // namespace rancher_cnode::agent
