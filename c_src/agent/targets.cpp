#include "agent/targets.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace rancher_cnode::agent {
namespace asio = boost::asio;

Targets::Targets(boost::asio::any_io_executor loop, distribution::Connections& cnode, Timers& timers,
                 const Config& config, NodeName beam, const Log& log, std::function<void()> changed)
    : loop_(std::move(loop)),
      cnode_(cnode),
      timers_(timers),
      config_(config),
      beam_(std::move(beam)),
      cookie_(config, cnode, log),
      log_(log),
      all_(config.targets == TargetScope::all),
      changed_(std::move(changed)) {}

void Targets::start() {
  if (!all_) {
    add(beam_);
  }
}

void Targets::stop() {
  stopped_ = true;
  for (const auto& [name, target] : targets_) {
    target->stop();
  }
}

void Targets::share(const std::shared_ptr<const membership::Desired>& desired) {
  if (desired_ == desired) {
    return;
  }
  desired_ = desired;
  for (const auto& [name, target] : targets_) {
    target->desired_changed(desired_);
  }
  if (all_) {
    sync_targets();
  }
}

void Targets::sync_targets() {
  for (const auto& peer : desired_->dialable) {
    if (!targets_.contains(peer)) {
      add(peer);
    }
  }
  std::erase_if(targets_, [this](const auto& entry) {
    const bool obsolete = is_obsolete(entry.first, *entry.second);
    if (obsolete) {
      drop(entry.first, *entry.second);
    }
    return obsolete;
  });
}

bool Targets::is_obsolete(const NodeName& name, const Target& target) const {
  const bool departed = desired_->departed.contains(name) || desired_->suspended.contains(name);
  return departed ? target.away() : !desired_->members.contains(name);
}

void Targets::target_changed(const NodeName& name) {
  // Posted, because the target is in the middle of its step.
  if (all_ && desired_ && !desired_->members.contains(name)) {
    asio::post(loop_, [this, name]() { forget_departed(name); });
  }
  changed_();
}

void Targets::forget_departed(const NodeName& name) {
  const auto target = targets_.find(name);
  if (!stopped_ && target != targets_.end() && is_obsolete(name, *target->second)) {
    drop(name, *target->second);
    targets_.erase(target);
    changed_();
  }
}

void Targets::drop(const NodeName& name, Target& target) const {
  target.stop();
  log_.info("target_dropped", "it is no target any more", {{"target", name.str()}});
}

void Targets::add(const NodeName& name) {
  const auto target = std::make_shared<Target>(loop_, cnode_, timers_, config_, cookie_, durations_, log_,
                                               name, [this, name]() { target_changed(name); });
  targets_.emplace(name, target);
  target->start();
  if (desired_) {
    target->desired_changed(desired_);
  }
}

void Targets::on_external_change() {
  for (const auto& [name, target] : targets_) {
    target->on_external_change();
  }
}

void Targets::use_cookie(const Cookie& cookie) {
  if (config_.cookie_origin == CookieOrigin::fallback) {
    cookie_.use(cookie);
  }
}

void Targets::node_up(const NodeName& node) {
  if (const auto target = targets_.find(node); target != targets_.end()) {
    target->second->node_up();
  }
}

void Targets::node_down(const NodeName& node, const Error& why) {
  if (const auto target = targets_.find(node); target != targets_.end()) {
    target->second->node_down(why);
  }
}

bool Targets::has_synced() const {
  return desired_ && std::ranges::all_of(targets_, [this](const auto& entry) {
           return is_synced(entry.first, *entry.second);
         });
}

bool Targets::is_synced(const NodeName& name, const Target& target) const {
  return target.has_synced() || (all_ && (target.failing() || !desired_->members.contains(name)));
}

status::UnsyncedTargets Targets::unsynced() const {
  status::UnsyncedTargets unsynced;
  for (const auto& [name, target] : targets_) {
    if (!is_synced(name, *target)) {
      ++unsynced.count;
      if (unsynced.some.size() < status::UnsyncedTargets::examples) {
        unsynced.some.push_back(target->snapshot());
      }
    }
  }
  return unsynced;
}

std::optional<NodeName> Targets::responsive() const {
  const auto found =
      std::ranges::find_if(targets_, [](const auto& entry) { return entry.second->responsive(); });
  return found == targets_.end() ? std::nullopt : std::optional(found->first);
}

std::vector<status::TargetSnapshot> Targets::snapshots() const {
  std::vector<status::TargetSnapshot> snapshots;
  snapshots.reserve(targets_.size());
  for (const auto& [name, target] : targets_) {
    snapshots.push_back(
        target->snapshot(all_ ? reconciler::PeerScope::unconnected : reconciler::PeerScope::all));
  }
  return snapshots;
}

}  // namespace rancher_cnode::agent
