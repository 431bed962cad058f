#include "rancher_cnode/agent/agent.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <optional>
#include <utility>
#include <variant>

#include "agent/discovery.hpp"
#include "agent/loop_timers.hpp"
#include "agent/node.hpp"
#include "agent/shutdown_triggers.hpp"
#include "agent/watchdog.hpp"
#include "rancher_cnode/agent/component_settings.hpp"
#include "rancher_cnode/config/cookie_file.hpp"
#include "rancher_cnode/core/interfaces.hpp"
#include "rancher_cnode/distribution/handshake.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;

/// One life of the C-node: gathers what it needs to know, in any order, and runs the node. A BEAM with another name begins
/// the next life.
class Agent::Life {
 public:
  enum class End { of_program, of_life };

  Life(const Config& config, std::string version, const Log& log, const host::ProcessTable& processes)
      : config_(config),
        program_version_(std::move(version)),
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
            log_) {}

  End run() {
    shutdown_triggers_->watch_signals();
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

  void end(const std::string& reason) {
    if (!ended_) {
      log_.info("shutdown_started", "existing connections stay", {{"reason", reason}});
      finish(End::of_program);
    }
  }

  void finish(End end) {
    ended_ = true;
    end_ = end;
    watcher_.stop();
    shutdown_triggers_->stop();
    discovery_.stop();
    start_timer_.reset();
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
    node_ = std::make_unique<Node>(loop_, timers_, std::move(config), beam, program_version_, log_,
                                   NodeOwner{.listening = [this]() { deliver_pending(); },
                                             .read_again = [this]() { watcher_.refresh(); },
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
      if (config.node_basename.empty()) {
        config.node_basename = beam_->name.alive();
      }
    }
    return config;
  }

  void observed(metadata::Observation observation) {
    if (ended_) {
      return;
    }
    if (listening_) {
      node_->observed(observation);
      return;
    }
    // A failed read must not replace a successful one.
    if (!pending_observation_ || !std::holds_alternative<membership::FailedRead>(observation.read)) {
      pending_observation_ = std::move(observation);
    }
  }

  void deliver_pending() {
    listening_ = true;
    if (pending_observation_) {
      observed(*std::exchange(pending_observation_, std::nullopt));
    }
  }

  void on_initial_sync() {
    if (config_.once == Switch::on && !ended_) {
      // Posted, because a target may be in the middle of its step.
      asio::post(loop_, [this]() { end("initial sync done"); });
    }
  }

  const Config& config_;
  const std::string program_version_;
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
  std::optional<FoundBeam> beam_;
  std::optional<metadata::Observation> pending_observation_;  ///< received before the node listened
  std::unique_ptr<Node> node_;                                ///< null until all is known that it needs
  bool listening_ = false;
  bool ended_ = false;
  End end_ = End::of_program;
};

Agent::Agent(Config config, std::string version, const Log& log, host::ProcessTable processes)
    : config_(std::move(config)), version_(std::move(version)), log_(log), processes_(std::move(processes)) {}

int Agent::run() {
  distribution::initialise_handshakes();
  for (;;) {
    Life life(config_, version_, log_, processes_);
    if (life.run() == Life::End::of_program) {
      return 0;
    }
    config_.ip = life.own_address();
  }
}

}  // namespace rancher_cnode::agent
