#include "rancher_cnode/agent/agent.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <utility>

#include "change_log.hpp"
#include "endings.hpp"
#include "rancher_cnode/distribution/cnode.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "status_server.hpp"
#include "target.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;
using boost::system::error_code;
using distribution::RegistrationState;

namespace {

/// Our address may not be on the interface yet when the container starts.
constexpr Milliseconds listen_again{1'000};

/// A metadata version that changes all the time is news at most this often.
constexpr Milliseconds news_interval{5'000};

metadata::WatcherSettings watcher_settings(const Config& config) {
  metadata::WatcherSettings settings;
  settings.urls = config.metadata_urls;
  settings.version = config.metadata_version;
  settings.service = config.service;
  settings.watch = config.watch;
  settings.polling_interval = config.polling_interval;
  return settings;
}

distribution::CNode::Settings cnode_settings(const Config& config, Ipv4Address own) {
  distribution::CNode::Settings settings{.name = NodeName::of(config.basename, own),
                                         .cookie = config.cookie,
                                         .listen_ports = config.listen_ports,
                                         .timing = {}};
  settings.epmd_port = config.epmd_port;
  settings.max_links = config.max_links;
  if (config.start_epmd == Switch::on) {
    settings.epmd_program = config.epmd;
  }
  return settings;
}

membership::MembershipSettings membership_settings(const Config& config, Ipv4Address own) {
  membership::MembershipSettings settings{.node_basename = config.node_basename, .own_address = own};
  settings.removal = config.removal;
  settings.removal_delay = config.removal_delay;
  settings.mass_removal_delay = config.mass_removal_delay;
  settings.health = config.health;
  return settings;
}

}  // namespace

class Agent::Impl {
 public:
  Impl(Config config, std::string version, const Log& log)
      : config_(std::move(config)),
        program_version_(std::move(version)),
        log_(log),
        change_log_(log),
        started_(Clock::now()),
        loop_(1),
        listen_timer_(loop_),
        read_timer_(loop_),
        endings_(std::make_shared<Endings>(loop_, [this](const std::string& reason) { end(reason); })),
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
                     : [this](
                           Ipv4Address own) { asio::post(loop_, [this, own]() { know_ourselves(own); }); }},
            log_) {}

  int run() {
    distribution::initialise_handshakes();
    endings_->watch_signals();
    if (config_.watch_pid) {
      endings_->watch_process(*config_.watch_pid);
    }
    if (config_.exit_on_eof == Switch::on) {
      endings_->watch_standard_input();
    }
    if (config_.ip) {
      know_ourselves(*config_.ip);
    }
    watcher_.start();
    loop_.run();
    return 0;
  }

 private:
  void end(const std::string& reason) {
    if (std::exchange(ended_, true)) {
      return;
    }
    log_.info("stopping", "the cluster stays as it is", {{"reason", reason}});
    watcher_.stop();
    endings_->stop();
    listen_timer_.cancel();
    read_timer_.cancel();
    for (auto& [name, target] : targets_) {
      target->stop();
    }
    if (cnode_) {
      cnode_->stop();
    }
    loop_.stop();
  }

  void know_ourselves(Ipv4Address own) {
    if (ended_ || cnode_) {
      return;
    }
    membership_.emplace(membership_settings(config_, own));
    cnode_.emplace(
        loop_, cnode_settings(config_, own),
        distribution::CNode::Handlers{
            .link_up = [this](const NodeName& node) { link_up(node); },
            .link_down = [this](const NodeName& node, const Error& why) { link_down(node, why); },
            .registration = [this](RegistrationState state,
                                   const std::string& reason) { registration_changed(state, reason); }},
        log_);
    status_.emplace(loop_, *cnode_,
                    StatusServer::Source{.snapshot = [this]() { return snapshot(); },
                                         .first_round_done = [this]() { return first_round_done(); },
                                         .refresh =
                                             [this]() {
                                               watcher_.refresh();
                                               tell_news();
                                             },
                                         .version = program_version_});
    listen(true);
  }

  /// Nothing can be done before we listen; `first` keeps the log to one line.
  void listen(bool first) {
    if (const auto started = cnode_->start(); !started) {
      if (first) {
        log_.warning("cannot_listen", started.error().message + "; trying again",
                     {{"node", cnode_->name().str()}});
      }
      listen_timer_.expires_after(listen_again);
      listen_timer_.async_wait([this](const error_code& cancelled) {
        if (!cancelled) {
          listen(false);
        }
      });
      return;
    }
    log_.info("listening", "", {{"node", cnode_->name().str()}, {"port", cnode_->listen_port()}});
    if (config_.targets == TargetScope::local) {
      add_target(NodeName::of(config_.node_basename, *Ipv4Address::parse(cnode_->name().host())));
    }
    listening_ = true;
    if (unread_) {
      observed(*std::exchange(unread_, std::nullopt));
    }
  }

  void observed(const metadata::Observation& observation) {
    if (ended_) {
      return;
    }
    if (!listening_) {
      unread_ = observation;
      return;
    }
    const bool changed = membership_->observe(Clock::now(), observation.scope, observation.read);
    change_log_.note(*membership_);
    if (changed) {
      share_desired();
    }
    if (!observation.url.empty()) {
      metadata_url_ = observation.url;
    }
    if (!observation.version.empty() &&
        std::exchange(metadata_version_, observation.version) != observation.version) {
      share_news();
    }
    read_again_later();
    look_at_first_round();
  }

  void share_desired() {
    const auto& desired = membership_->desired();
    if (config_.targets == TargetScope::all) {
      for (const auto& peer : desired->dialable) {
        if (!targets_.contains(peer)) {
          add_target(peer);
        }
      }
      std::erase_if(targets_, [&](const auto& entry) {
        const bool gone = !desired->members.contains(entry.first) && !desired->leavers.contains(entry.first);
        if (gone) {
          entry.second->stop();
          cnode_->disconnect(entry.first);
        }
        return gone;
      });
    }
    for (const auto& [name, target] : targets_) {
      target->desired_changed(desired);
    }
  }

  void share_news() {
    const auto now = Clock::now();
    if (last_news_ && now - *last_news_ < news_interval) {
      return;
    }
    last_news_ = now;
    tell_news();
  }

  void tell_news() {
    for (const auto& [name, target] : targets_) {
      target->news();
    }
  }

  void add_target(const NodeName& name) {
    auto target = std::make_shared<Target>(loop_, *cnode_, config_, log_, name);
    target->stepped = [this]() { look_at_first_round(); };
    targets_.emplace(name, target);
    target->start();
    if (membership_->view().last_good) {
      target->desired_changed(membership_->desired());
    }
  }

  /// A suspicion can be confirmed only by a read, and a long-poll may stay quiet for long.
  void read_again_later() {
    const auto when = membership_->wants_read_at();
    if (!when) {
      read_timer_.cancel();
      return;
    }
    read_timer_.expires_at(*when);
    read_timer_.async_wait([this](const error_code& cancelled) {
      if (!cancelled) {
        watcher_.refresh();
      }
    });
  }

  [[nodiscard]] bool first_round_done() const {
    return membership_->view().last_good && !targets_.empty() &&
           std::all_of(targets_.begin(), targets_.end(),
                       [](const auto& entry) { return entry.second->reconciler().first_round_done(); });
  }

  void look_at_first_round() {
    if (ended_) {
      return;
    }
    status_->look();
    if (config_.once == Switch::on && first_round_done()) {
      // Not now: a target may be in the middle of its step.
      asio::post(loop_, [this]() { end("the first round is done"); });
    }
  }

  [[nodiscard]] status::Snapshot snapshot() const {
    status::Snapshot snapshot{.now = Clock::now(),
                              .started = started_,
                              .node = cnode_->name(),
                              .program_version = program_version_,
                              .registration = cnode_->registration(),
                              .links = cnode_->link_count(),
                              .node_counters = cnode_->counters(),
                              .metadata = {metadata_url_, metadata_version_, membership_->view()},
                              .standings = membership_->standings(),
                              .targets = {}};
    for (const auto& [name, target] : targets_) {
      snapshot.targets.push_back(target->snapshot());
    }
    return snapshot;
  }

  void link_up(const NodeName& node) {
    if (const auto target = targets_.find(node); target != targets_.end()) {
      target->second->link_up();
    }
  }

  void link_down(const NodeName& node, const Error& why) {
    if (const auto target = targets_.find(node); target != targets_.end()) {
      target->second->link_down(why);
    }
  }

  void registration_changed(RegistrationState state, const std::string& reason) {
    const std::string& node = cnode_->name().str();
    switch (state) {
      case RegistrationState::registered:
        log_.info("registered", "", {{"node", node}});
        break;
      case RegistrationState::unavailable:
        log_.info("epmd_awaited", reason + "; trying again", {{"node", node}});
        break;
      case RegistrationState::name_taken:
        log_.warning("name_taken", reason + "; trying again", {{"node", node}});
        break;
      case RegistrationState::lost:
        log_.warning("registration_lost", reason + "; trying again", {{"node", node}});
        break;
    }
  }

  Config config_;
  std::string program_version_;
  const Log& log_;
  ChangeLog change_log_;
  TimePoint started_;
  asio::io_context loop_;
  asio::steady_timer listen_timer_;
  asio::steady_timer read_timer_;
  std::shared_ptr<Endings> endings_;
  metadata::MetadataWatcher watcher_;
  std::optional<membership::Membership> membership_;
  std::optional<distribution::CNode> cnode_;
  std::optional<StatusServer> status_;
  std::map<NodeName, std::shared_ptr<Target>> targets_;
  std::optional<metadata::Observation> unread_;  ///< came before we listen
  std::string metadata_url_;
  std::string metadata_version_;
  std::optional<TimePoint> last_news_;
  bool listening_ = false;
  bool ended_ = false;
};

Agent::Agent(Config config, std::string version, const Log& log)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(version), log)) {}

Agent::~Agent() = default;

int Agent::run() { return impl_->run(); }

}  // namespace rancher_cnode::agent
