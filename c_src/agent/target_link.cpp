#include "target_link.hpp"

#include <utility>

#include "answers.hpp"

namespace rancher_cnode::agent {

namespace {

/// How often the process that refuses us is looked at: where a restart is quick to notice, and elsewhere.
constexpr Milliseconds watch_own_host{250};
constexpr Milliseconds watch_other_host{10'000};

}  // namespace

TargetLink::TargetLink(distribution::Connections& cnode, Timers& timers, CookieWatch& cookie, const Log& log,
                       NodeName name, Handlers handlers)
    : cnode_(cnode),
      timers_(timers),
      cookie_(cookie),
      log_(log),
      name_(std::move(name)),
      handlers_(std::move(handlers)),
      where_(name_.host() == cnode.name().host() ? Whereabouts::own_host : Whereabouts::other_host),
      pacing_(where_, timers.now()),
      looking_since_(timers.now()),
      since_(looking_since_) {}

void TargetLink::start() {
  if (cnode_.linked(name_)) {
    link_up();
  } else {
    look();
  }
}

void TargetLink::stop() {
  stopped_ = true;
  timer_.reset();
}

void TargetLink::look() {
  if (stopped_ || looking_) {
    return;
  }
  looking_ = true;
  refusing_ = false;
  ++looks_;
  cookie_changes_ = cookie_.changes();
  cnode_.connect(name_, [self = shared_from_this()](const auto& connected) {
    self->looking_ = false;
    if (!self->stopped_ && !self->up_ && !connected) {
      self->not_found(connected.error());
    }
  });
}

void TargetLink::look_after(Milliseconds delay) {
  timer_ = timers_.call_after(delay, [self = shared_from_this()]() { self->look(); });
}

void TargetLink::retry_after(Milliseconds delay, std::uint16_t port) {
  refusing_ = true;
  next_look_ = timers_.now() + delay;
  refused_port_ = port;
  watch();
}

void TargetLink::watch() {
  const Milliseconds interval = where_ == Whereabouts::own_host ? watch_own_host : watch_other_host;
  const auto left = std::chrono::ceil<Milliseconds>(next_look_ - timers_.now());
  if (left <= interval) {
    look_after(std::max(left, Milliseconds::zero()));
    return;
  }
  timer_ = timers_.call_after(interval, [self = shared_from_this()]() {
    if (!self->stopped_ && !self->up_) {
      self->look_for_change();
    }
  });
}

void TargetLink::look_for_change() {
  if (cookie_.changes() != cookie_changes_) {
    changed();
    return;
  }
  cnode_.look_up(name_, [self = shared_from_this(), look = looks_](const auto& port) {
    if (!self->stopped_ && !self->up_ && look == self->looks_) {
      self->port_found(port);
    }
  });
}

void TargetLink::port_found(const Expected<std::uint16_t>& port) {
  if (port && refused_port_ == 0) {
    refused_port_ = *port;
  }
  const bool other = port ? *port != refused_port_ : port.error().code == ErrorCode::not_found;
  if (other) {
    changed();
  } else {
    watch();
  }
}

void TargetLink::changed() {
  pacing_.changed(timers_.now());
  look();
}

void TargetLink::not_found(const distribution::ConnectFailure& failed) {
  const Absence absence = absence_of(failed);
  failing_ = true;
  state_ = absence == Absence::not_responding ? State::not_responding : State::awaited;
  reason_ = failed.error.message;
  stage_ = failed.stage;
  if (const auto kind = kind_of(failed); std::exchange(told_, kind) != kind) {
    switch (absence) {
      case Absence::awaited:
        log_.info("target_awaited", reason_, {{"target", name_.str()}, {"stage", stage_}});
        break;
      case Absence::refuses:
        log_.warning("target_refused", reason_, {{"target", name_.str()}, {"stage", stage_}});
        break;
      case Absence::not_responding:
        warn_not_responding(reason_);
        break;
    }
  }
  if (is_gone(failed)) {
    pacing_.changed(timers_.now());
  }
  // Unavailable: it is busy with an older connection of ours, or the network failed.
  if (absence == Absence::refuses && failed.error.code != ErrorCode::unavailable) {
    retry_after(pacing_.refused(), failed.port);
  } else {
    look_after(pacing_.failed(timers_.now()));
  }
  handlers_.not_found();
}

void TargetLink::link_up() {
  if (stopped_ || up_) {
    return;
  }
  up_ = true;
  ++looks_;
  failing_ = false;
  state_ = State::linked;
  since_ = timers_.now();
  settled_ = false;
  reason_.clear();
  stage_.clear();
  if (!pacing_.doubtful()) {
    tell_linked();
  }
  settle_later();
  handlers_.up();
}

void TargetLink::tell_linked() {
  const auto took = std::chrono::duration_cast<Milliseconds>(since_ - looking_since_);
  log_.info("target_connected", "", {{"target", name_.str()}, {"took_ms", took.count()}});
}

void TargetLink::settle_later() {
  timer_ = timers_.call_after(LookPacing::lasting, [self = shared_from_this()]() { self->settle(); });
}

void TargetLink::settle() {
  // Also asked when the link ends: the timer may be late.
  if (timers_.now() < since_ + LookPacing::lasting) {
    return;
  }
  if (pacing_.doubtful()) {
    tell_linked();
  }
  settled_ = true;
  told_.clear();
  told_ends_.clear();
  pacing_.lasted();
}

void TargetLink::link_down(const Error& why) {
  if (stopped_ || !up_) {
    return;
  }
  settle();
  up_ = false;
  failing_ = !settled_;
  state_ = State::awaited;
  since_ = looking_since_ = timers_.now();
  reason_ = why.message;
  timer_.reset();
  if (settled_ || told_ends_.insert(why.code).second) {
    log_.warning("target_lost", why.message, {{"target", name_.str()}});
  }
  handlers_.down();
  if (settled_) {
    pacing_.ended(since_);
    look();
  } else {
    retry_after(pacing_.ended_early(since_), 0);
  }
}

void TargetLink::hurry() {
  if (!up_ && !refusing_ && pacing_.take_news(timers_.now())) {
    look();
  }
}

void TargetLink::answered(const std::string& trouble) {
  const State before = std::exchange(state_, trouble.empty() ? State::linked : State::not_responding);
  reason_ = trouble;
  failing_ = !trouble.empty();
  if (before == state_) {
    return;
  }
  if (trouble.empty()) {
    log_.info("target_responsive", "the target answers again", {{"target", name_.str()}});
  } else {
    warn_not_responding(trouble);
  }
}

void TargetLink::warn_not_responding(const std::string& reason) const {
  log_.warning("target_unresponsive", reason, {{"target", name_.str()}});
}

}  // namespace rancher_cnode::agent
