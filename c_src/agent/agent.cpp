#include "rancher_cnode/agent/agent.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>
#include <variant>

#include "agent/discovery.hpp"
#include "agent/loop_timers.hpp"
#include "agent/monitoring.hpp"
#include "agent/node.hpp"
#include "agent/pending_observation.hpp"
#include "agent/program.hpp"
#include "agent/service_manager.hpp"
#include "agent/shutdown_triggers.hpp"
#include "agent/watchdog.hpp"
#include "rancher_cnode/agent/component_settings.hpp"
#include "rancher_cnode/config/cookie_file.hpp"
#include "rancher_cnode/core/interfaces.hpp"
#include "rancher_cnode/distribution/handshake.hpp"
#include "rancher_cnode/http/listening_port.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "rancher_cnode/status/renderings.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;

namespace {

/// How late the log may notice that something is due.
constexpr Milliseconds log_interval{5'000};

Milliseconds unix_time() {
  return std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

/// One life of the C-node: gathers what it needs to know, in any order, and runs the node. A BEAM with
/// another name begins the next life.
class Agent::Life {
 public:
  enum class End { of_program, of_life };

  /// `http_port` is null without an HTTP listener.
  Life(const Config& config, const Program& program, http::ListeningPort* http_port, const Log& log,
       const host::ProcessTable& processes)
      : config_(config),
        program_(program),
        log_(log),
        own_(config.ip),
        loop_(1),
        watchdog_log_(config.log_level, config.log_format),
        watchdog_(loop_, {}, [this]() { stalled(); }),
        shutdown_triggers_(std::make_shared<ShutdownTriggers>(
            loop_, timers_, [this](const std::string& reason) { end(reason); })),
        discovery_(timers_, config_, log_, processes,
                   {.found = [this](const FoundBeam& beam) { on_beam(beam); },
                    .ended = [this]() { end("the BEAM has ended"); }}),
        watcher_(
            watcher_settings(config),
            {.observed =
                 [this](metadata::Observation observation) {
                   asio::post(loop_,
                              [this, observation = std::move(observation)]() { observed(observation); });
                 },
             .own_address_found =
                 own_
                     ? std::function<void(Ipv4Address)>()
                     : [this](Ipv4Address own) { asio::post(loop_, [this, own]() { on_own_address(own); }); },
             .is_own_address = is_on_an_interface},
            log_) {
    if (http_port != nullptr) {
      monitoring_ = std::make_unique<Monitoring>(
          loop_, timers_, *http_port,
          status::ReadyDemands{.peers = config.ready_peers, .grace = config.ready_grace},
          Monitoring::Source{.snapshot = [this]() { return snapshot(); },
                             .ask_mesh =
                                 [this](MeshQuery::Done done) {
                                   if (node_) {
                                     node_->ask_mesh(std::move(done));
                                   }
                                 }},
          log_);
    }
  }

  End run() {
    if (monitoring_) {
      monitoring_->start();
    }
    shutdown_triggers_->watch_signals(
        {.reload = [this]() { reload(); }, .report_status = [this]() { log_status(); }});
    if (service_manager_.is_there()) {
      report_to_service_manager();
    }
    if (config_.watch_pid) {
      shutdown_triggers_->watch_process(*config_.watch_pid);
    }
    if (config_.exit_on_eof == Switch::on) {
      shutdown_triggers_->watch_standard_input();
    }
    if (own_) {
      on_own_address(*own_);
    }
    watcher_.start();
    keep_log();
    loop_.run();
    return end_;
  }

  [[nodiscard]] const std::optional<Ipv4Address>& own_address() const { return own_; }

 private:
  /// On the watchdog's thread. Nothing is cleaned up: that would hang as well.
  [[noreturn]] void stalled() const {
    watchdog_log_.error("loop_stalled", "the event loop stalled for 30 s; exiting with status 1");
    std::_Exit(1);
  }

  void report_to_service_manager() {
    service_manager_.alive();
    if (const auto report = status::report_on(snapshot())) {
      service_manager_.status(*report);
    }
    service_timer_ =
        timers_.call_after(service_manager_.interval(), [this]() { report_to_service_manager(); });
  }

  /// The settings stay as they are.
  void reload() {
    log_.info("reload_requested", "reading cookie and metadata again; the settings stay", {});
    discovery_.look_again();
    if (!ended_) {
      node_ ? node_->refresh() : watcher_.refresh();
    }
  }

  /// Whatever --log-level is: it was requested.
  void log_status() const {
    const Log log(LogLevel::info, config_.log_format);
    const auto report = status::report_on(snapshot());
    std::istringstream lines(report ? status::as_table(*report, {}) : report.error().message);
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty()) {
        log.info("status_line", line);
      }
    }
  }

  void end(const std::string& reason) {
    if (!ended_) {
      service_manager_.stopping();
      log_.info("shutdown_started", "existing connections stay", {{"reason", reason}});
      finish(End::of_program);
    }
  }

  void keep_log() {
    log_.tick();
    log_timer_ = timers_.call_after(log_interval, [this]() { keep_log(); });
  }

  void finish(End end) {
    ended_ = true;
    end_ = end;
    watcher_.stop();
    shutdown_triggers_->stop();
    discovery_.stop();
    start_timer_.reset();
    log_timer_.reset();
    if (monitoring_) {
      monitoring_->stop();
    }
    service_timer_.reset();
    if (node_) {
      node_->stop();
    }
    loop_.stop();
  }

  void on_own_address(Ipv4Address own) {
    if (ended_ || node_) {
      return;
    }
    own_ = own;
    // With all BEAMs as targets, ours is one of many.
    if (config_.targets == TargetScope::local || config_.exit_with_beam == Switch::on ||
        !config_.is_complete()) {
      discovery_.start(own);
    }
    start_node();
  }

  /// Only once our address is known.
  void on_beam(const FoundBeam& beam) {
    if (ended_) {
      return;
    }
    beam_ = beam;
    log_.begin_grace();
    if (!node_) {
      start_node();
    } else if (node_->is_for(beam)) {
      node_->use_cookie(beam.cookie);
    } else {
      log_.info("beam_renamed", "the C-node starts again for it", {{"node", beam.name.str()}});
      finish(End::of_life);
    }
  }

  /// As soon as all is known. What is missing is reported by discovery.
  void start_node() {
    if (node_) {
      return;
    }
    auto config = complete_config();
    if (!config.is_complete()) {
      start_timer_ = timers_.call_after(Discovery::interval, [this]() { start_node(); });
      return;
    }
    start_timer_.reset();
    const NodeName beam = beam_ ? beam_->name : NodeName::of(config.node_basename, *own_);
    node_ = std::make_unique<Node>(
        loop_, timers_, std::move(config), beam, program_, log_,
        NodeOwner{.listening = [this]() { deliver_pending(); },
                  .read_again = [this]() { watcher_.refresh(); },
                  .ask_own_address = [this]() { watcher_.ask_own_address(); },
                  .read_services =
                      [this](std::vector<std::string> paths) { watcher_.set_services(std::move(paths)); },
                  .synced = [this]() { on_initial_sync(); }});
    node_->start();
  }

  /// The settings, and what they lack from the BEAM.
  [[nodiscard]] Config complete_config() const {
    Config config = config_;
    config.ip = own_;
    config.cookie = cookie_of(config).value_or(Cookie());
    if (beam_) {
      config.cookie = beam_->cookie;
      if (config.cookie_origin == CookieOrigin::fallback) {
        config.cookie_path.clear();
      }
      config.epmd_port = beam_->epmd_port;
      config.dist_port = beam_->dist_port;
      config.proto_dist = beam_->distribution.protocol;
      config.tls = beam_->distribution.tls;
      if (config.node_basename.empty()) {
        config.node_basename = beam_->name.alive();
      }
    }
    return config;
  }

  [[nodiscard]] status::Snapshot snapshot() const {
    if (node_) {
      return node_->snapshot();
    }
    auto snapshot = program_.snapshot(timers_.now());
    snapshot.awaits = own_ ? discovery_.absence() : pending_.why_own_address_is_unknown();
    snapshot.metadata = pending_.snapshot();
    return snapshot;
  }

  void observed(metadata::Observation observation) {
    if (ended_) {
      return;
    }
    if (listening_) {
      node_->observed(observation);
      return;
    }
    pending_.keep(std::move(observation), timers_.now());
  }

  void deliver_pending() {
    listening_ = true;
    if (auto observation = pending_.take()) {
      observed(*std::move(observation));
    }
  }

  void on_initial_sync() {
    service_manager_.ready();
    if (config_.once == Switch::on && !ended_) {
      // Posted, because a target may be in the middle of its step.
      asio::post(loop_, [this]() { end("initial sync done"); });
    }
  }

  const Config& config_;
  const Program& program_;
  const Log& log_;
  std::optional<Ipv4Address> own_;
  asio::io_context loop_;
  const Log watchdog_log_;  ///< separate, since the loop may hang while it writes to the other
  Watchdog watchdog_;       ///< destroyed last, after everything that may block
  LoopTimers timers_{loop_};
  std::shared_ptr<ShutdownTriggers> shutdown_triggers_;
  Discovery discovery_;
  metadata::MetadataWatcher watcher_;
  Timers::Pending start_timer_;
  Timers::Pending log_timer_;
  ServiceManager service_manager_{config_};
  Timers::Pending service_timer_;
  std::optional<FoundBeam> beam_;
  PendingObservation pending_;              ///< received before the node listened
  std::unique_ptr<Monitoring> monitoring_;  ///< null without an HTTP listener
  std::unique_ptr<Node> node_;              ///< null until all is known that it needs
  bool listening_ = false;
  bool ended_ = false;
  End end_ = End::of_program;
};

Agent::Agent(Config config, ProgramFile file, const Log& log, host::ProcessTable processes)
    : config_(std::move(config)), file_(std::move(file)), log_(log), processes_(std::move(processes)) {}

int Agent::run() {
  distribution::initialise_handshakes();
  log_.set_startup_grace(config_.startup_grace);
  log_.begin_grace();
  const Program program{file_, Clock::now(), unix_time()};
  std::optional<http::ListeningPort> http_port;
  if (config_.http_listen) {
    http_port.emplace(config_.http_listen->address, config_.http_listen->port);
  }
  for (;;) {
    Life life(config_, program, http_port ? &*http_port : nullptr, log_, processes_);
    if (life.run() == Life::End::of_program) {
      return 0;
    }
    config_.ip = life.own_address();
  }
}

}  // namespace rancher_cnode::agent
