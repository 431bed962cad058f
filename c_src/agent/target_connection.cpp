#include "agent/target_connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "agent/answers.hpp"
#include "agent/remote.hpp"

namespace rancher_cnode::agent {
namespace asio = boost::asio;

namespace {

/// How often the process that refuses us is checked: on our own host, where a restart shows quickly, and
/// elsewhere.
constexpr Milliseconds watch_local{250};
constexpr Milliseconds watch_remote{10'000};

/// A BEAM that answers again after a silence first closes attempts that queued up meanwhile, in favour of
/// one. Within this time the first close is no refusal, and by the next attempt the queue is done with.
constexpr Milliseconds after_silence{5'000};
constexpr Milliseconds until_queue_is_done{1'000};

/// After a refusal of TLS: certificates are renewed without any other sign.
constexpr Milliseconds longest_wait_of_tls = std::chrono::minutes(5);

}  // namespace

TargetConnection::TargetConnection(asio::any_io_executor loop, distribution::Connections& cnode,
                                   Timers& timers, CookieWatch& cookie, const Log& log, NodeName name,
                                   Handlers handlers)
    : loop_(std::move(loop)),
      cnode_(cnode),
      timers_(timers),
      cookie_(cookie),
      log_(log),
      name_(std::move(name)),
      handlers_(std::move(handlers)),
      locality_(name_.host() == cnode.name().host() ? Locality::local : Locality::remote),
      backoff_(locality_, timers.now()),
      connecting_since_(timers.now()),
      since_(connecting_since_) {}

void TargetConnection::start() {
  use_ = cnode_.use(name_);
  if (cnode_.connected(name_)) {
    node_up();
  } else {
    connect();
  }
}

void TargetConnection::stop() {
  phase_ = Phase::stopped;
  timer_.reset();
  use_.reset();
}

bool TargetConnection::failing() const {
  return phase_ == Phase::failing || phase_ == Phase::refused || (up() && state_ == State::unresponsive);
}

void TargetConnection::connect() {
  if (!absent() || connecting_) {
    return;
  }
  connecting_ = true;
  if (phase_ == Phase::refused) {
    phase_ = Phase::failing;
  }
  ++attempts_;
  cookie_changes_ = cookie_.changes();
  asio::co_spawn(loop_, attempt(shared_from_this()), asio::detached);
}

asio::awaitable<void> TargetConnection::attempt(std::shared_ptr<TargetConnection> self) {
  const auto use = self->cnode_.use(self->name_);  // of its own: stop() may come first
  const auto connected = co_await agent::connect(self->cnode_, self->name_);
  self->connecting_ = false;
  if (self->absent() && !connected) {
    self->attempt_failed(connected.error());
  }
}

void TargetConnection::connect_after(Milliseconds delay) {
  timer_ = timers_.call_after(delay, [self = shared_from_this()]() { self->connect(); });
}

void TargetConnection::retry_after(Milliseconds delay, std::uint16_t port) {
  phase_ = Phase::refused;
  next_attempt_ = timers_.now() + delay;
  refused_port_ = port;
  watch();
}

void TargetConnection::watch() {
  const Milliseconds interval = locality_ == Locality::local ? watch_local : watch_remote;
  const auto left = std::chrono::ceil<Milliseconds>(next_attempt_ - timers_.now());
  if (left <= interval) {
    connect_after(std::max(left, Milliseconds::zero()));
    return;
  }
  timer_ = timers_.call_after(interval, [self = shared_from_this()]() {
    asio::co_spawn(self->loop_, check_for_change(self), asio::detached);
  });
}

asio::awaitable<void> TargetConnection::check_for_change(std::shared_ptr<TargetConnection> self) {
  if (!self->absent()) {
    co_return;
  }
  if (self->cookie_.changes() != self->cookie_changes_) {
    self->changed();
    co_return;
  }
  const auto attempt = self->attempts_;
  const auto port = co_await look_up(self->cnode_, self->name_);
  if (self->absent() && attempt == self->attempts_) {
    self->port_found(port);
  }
}

void TargetConnection::port_found(const Expected<std::uint16_t>& port) {
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

void TargetConnection::changed() {
  backoff_.changed(timers_.now());
  connect();
}

void TargetConnection::attempt_failed(const distribution::ConnectFailure& failed) {
  const Absence absence = absence_of(failed);
  const auto now = timers_.now();
  phase_ = Phase::failing;
  state_ = absence == Absence::unresponsive ? State::unresponsive : State::awaited;
  reason_ = failed.error.message;
  stage_ = failed.stage;
  if (absence == Absence::unresponsive) {
    silent_at_ = now;
  } else if (absence == Absence::refused && silent_at_ && now - *silent_at_ < after_silence) {
    silent_at_.reset();
    connect_after(until_queue_is_done);
    handlers_.attempt_failed();
    return;
  }
  if (const auto kind = kind_of(failed); std::exchange(logged_, kind) != kind) {
    switch (absence) {
      case Absence::awaited:
        log_.not_yet("target_awaited", reason_, {{"target", name_.str()}, {"stage", stage_}});
        break;
      case Absence::refused:
        log_.warning("target_refused", reason_, {{"target", name_.str()}, {"stage", stage_}});
        break;
      case Absence::unresponsive:
        log_unresponsive(reason_);
        break;
    }
  }
  if (is_gone(failed)) {
    backoff_.changed(now);
  }
  if (absence == Absence::refused) {
    const auto wait = backoff_.refused();
    retry_after(stage_ == "tls" ? std::min(wait, longest_wait_of_tls) : wait, failed.port);
  } else {
    connect_after(backoff_.failed(now));
  }
  handlers_.attempt_failed();
}

void TargetConnection::node_up() {
  if (!absent()) {
    return;
  }
  phase_ = Phase::unstable;
  ++attempts_;
  state_ = State::connected;
  since_ = timers_.now();
  reason_.clear();
  stage_.clear();
  if (!backoff_.unstable()) {
    log_connected();
  }
  stabilize_later();
  handlers_.up();
}

void TargetConnection::log_connected() {
  const auto took = std::chrono::duration_cast<Milliseconds>(since_ - connecting_since_);
  log_.info("target_connected", "", {{"target", name_.str()}, {"took_ms", took.count()}});
}

void TargetConnection::stabilize_later() {
  timer_ = timers_.call_after(ReconnectBackoff::stable_after,
                              [self = shared_from_this()]() { self->stabilize(); });
}

void TargetConnection::stabilize() {
  // Also called when the connection ends: the timer may be late.
  if (timers_.now() < since_ + ReconnectBackoff::stable_after) {
    return;
  }
  if (backoff_.unstable()) {
    log_connected();
  }
  phase_ = Phase::stable;
  logged_.clear();
  logged_ends_.clear();
  backoff_.stabilized();
}

void TargetConnection::node_down(const Error& why) {
  if (!up()) {
    return;
  }
  stabilize();
  const bool was_stable = phase_ == Phase::stable;
  phase_ = was_stable ? Phase::starting : Phase::failing;
  state_ = State::awaited;
  since_ = connecting_since_ = timers_.now();
  reason_ = why.message;
  timer_.reset();
  if (was_stable || logged_ends_.insert(why.code).second) {
    log_.warning("target_lost", why.message, {{"target", name_.str()}});
  }
  if (was_stable && locality_ == Locality::local) {
    // Most likely the release restarts.
    log_.begin_grace();
  }
  handlers_.down();
  if (!absent()) {
    return;
  }
  if (was_stable) {
    backoff_.ended(since_);
    connect();
  } else {
    retry_after(backoff_.ended_early(since_), 0);
  }
}

void TargetConnection::retry_now() {
  if (absent() && phase_ != Phase::refused && backoff_.on_external_change(timers_.now())) {
    connect();
  }
}

void TargetConnection::answered(const std::string& error) {
  const State before = std::exchange(state_, error.empty() ? State::connected : State::unresponsive);
  reason_ = error;
  if (before == state_) {
    return;
  }
  if (error.empty()) {
    log_.info("target_responsive", "the target answers again", {{"target", name_.str()}});
  } else {
    log_unresponsive(error);
  }
}

void TargetConnection::log_unresponsive(const std::string& reason) const {
  log_.warning("target_unresponsive", reason, {{"target", name_.str()}});
}

}  // namespace rancher_cnode::agent
