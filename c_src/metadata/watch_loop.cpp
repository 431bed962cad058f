#include "metadata/watch_loop.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "metadata/file_source.hpp"

namespace rancher_cnode::metadata {
namespace {

WaitAnswer kind_of(const Expected<std::string>& answer, const std::string& known) {
  if (answer) {
    return *answer == known ? WaitAnswer::unchanged : WaitAnswer::changed;
  }
  switch (answer.error().code) {
    case ErrorCode::cancelled:
      return WaitAnswer::cancelled;
    case ErrorCode::unavailable:
      return WaitAnswer::closed;
    default:
      return WaitAnswer::failed;
  }
}

}  // namespace

WatchLoop::WatchLoop(WatcherSettings settings, MetadataWatcher::Handlers handlers, const Log& log,
                     std::shared_ptr<WatchClock> clock)
    : settings_(std::move(settings)),
      handlers_(std::move(handlers)),
      clock_(std::move(clock)),
      log_(log),
      client_({.urls = settings_.urls, .version = settings_.version, .service = settings_.service},
              [this] { return stopping_.load(); }),
      budget_(settings_.pace),
      long_poll_policy_(settings_.pace),
      authority_(settings_.url_confirmation),
      address_wanted_(static_cast<bool>(handlers_.own_address_found)) {}

void WatchLoop::run() {
  std::optional<std::string> changed;
  while (!stopping_) {
    try {
      round(changed);
      changed = wait_for_next();
    } catch (const std::exception& error) {
      log_.failed(error.what());
      changed.reset();
      rest(settings_.pace.retry_last, EndedBy::stop);
    }
  }
}

void WatchLoop::refresh() { interrupt(refresh_); }
void WatchLoop::stop() { interrupt(stopping_); }

void WatchLoop::interrupt(std::atomic<bool>& flag) {
  {
    const std::scoped_lock lock(mutex_);
    flag = true;
  }
  wake_.notify_all();
  client_.wake();
}

void WatchLoop::rest(Duration duration, EndedBy ended_by) {
  std::unique_lock lock(mutex_);
  clock_->pause(lock, wake_, duration,
                [this, ended_by] { return stopping_ || (ended_by == EndedBy::stop_or_refresh && refresh_); });
}

// `changed` is the version returned by a wait; the budget has already admitted it.
void WatchLoop::round(const std::optional<std::string>& changed) {
  if (round_ended_ != TimePoint::min()) {
    rest(round_ended_ + settings_.pace.min_gap - clock_->now(), EndedBy::stop);
  }
  // Before the first request, so that a refresh during this round causes another round.
  refresh_ = false;
  const bool went_back = went_back_to_earlier_url();
  const std::size_t url = client_.url_index();
  if (address_wanted_ && !stopping_) {
    ask_own_address();
  }
  // The version from the wait belongs to the previous URL.
  if (!stopping_) {
    read(went_back ? std::nullopt : changed);
  }
  if (client_.url_index() > url) {
    try_earlier_at_ = clock_->now() + settings_.pace.earlier_url;
  }
  failures_ = succeeded_ && !address_wanted_ ? 0 : failures_ + 1;
  round_ended_ = clock_->now();
}

bool WatchLoop::went_back_to_earlier_url() {
  if (client_.url_index() == 0 || clock_->now() < try_earlier_at_ || stopping_) {
    return false;
  }
  const bool back = client_.return_to_earlier_url();
  try_earlier_at_ = clock_->now() + settings_.pace.earlier_url;
  return back;
}

void WatchLoop::ask_own_address() {
  const auto address = client_.own_address();
  if (stopping_) {
    return;
  }
  if (!address) {
    log_.address_unknown(address.error());
    return;
  }
  if (!handlers_.is_own_address(*address)) {
    log_.address_mismatched(*address, client_.url());
    return;
  }
  address_wanted_ = false;
  log_.address_found(*address, client_.url());
  handlers_.own_address_found(*address);
}

void WatchLoop::read(const std::optional<std::string>& changed) {
  version_ = changed.value_or("");
  version_error_.reset();
  if (version_.empty() && watches()) {
    if (auto version = client_.version()) {
      version_ = std::move(*version);
    } else {
      version_error_ = std::move(version.error());
    }
  }
  // Without an answer to the version request the service request would fail too.
  const bool answered = !version_error_ || version_error_->code == ErrorCode::not_found ||
                        version_error_->code == ErrorCode::malformed;
  if (!answered) {
    return publish_failure("version", *version_error_);
  }

  auto service = client_.service();
  if (service) {
    return publish_service(std::move(*service));
  }
  // The 404 for the version is more specific: nothing is loaded at all.
  if (version_error_ && version_error_->code == ErrorCode::not_found) {
    return publish_failure("version", *version_error_);
  }
  publish_failure("service", service.error());
}

void WatchLoop::publish_service(membership::Service service) {
  const bool by_name = client_.service_path() != settings_.service;
  const auto now = clock_->now();
  const auto authority = authority_.read_succeeded(now, client_.url_index());
  log_.read_succeeded(
      now, {client_.url(), client_.service_path(), version_, service.containers.size(), by_name, authority});
  succeeded_ = true;
  publish({std::move(service), {}, authority, client_.url(), version_});
}

void WatchLoop::publish_failure(const char* stage, const Error& error) {
  if (stopping_) {
    return;
  }
  log_.read_failed(clock_->now(), client_.url(), stage, error);
  authority_.read_failed();
  succeeded_ = false;
  long_poll_policy_.reads_failed();
  const bool answered = error.code == ErrorCode::not_found;
  publish({membership::FailedRead{error.message}, {}, {}, answered ? client_.url() : "", version_});
  // A wait starts only after a plain answer.
  if (!answered) {
    version_.clear();
  }
}

void WatchLoop::publish(Observation observation) {
  if (stopping_) {
    return;
  }
  observation.scope =
      asks_for_self(settings_.service) ? membership::ReadScope::self : membership::ReadScope::named;
  handlers_.observed(std::move(observation));
}

bool WatchLoop::watches() const { return settings_.watch == WatchMode::on && !is_file_url(client_.url()); }

Milliseconds WatchLoop::poll_interval() const {
  const Milliseconds interval = settings_.polling_interval;
  return watches() ? std::min(interval, settings_.pace.fallback_last) : interval;
}

// Returns the new version if a wait returned one.
std::optional<std::string> WatchLoop::wait_for_next() {
  const Milliseconds delay =
      failures_ == 0 ? poll_interval() : retry_delay(settings_.pace, settings_.polling_interval, failures_);
  const bool may_wait = watches() && !version_.empty() && long_poll_policy_.may_wait(clock_->now());
  if (may_wait && !stopping_) {
    return long_poll(delay);
  }
  if (succeeded_ && version_error_ && long_poll_policy_.works()) {
    const auto verdict = long_poll_policy_.no_version(clock_->now());
    report(verdict.change, "it returns no version: " + version_error_->message);
    if (verdict.next == LongPollPolicy::Next::round) {
      return std::nullopt;
    }
  }
  rest(delay, EndedBy::stop_or_refresh);
  return std::nullopt;
}

std::optional<std::string> WatchLoop::long_poll(Milliseconds delay) {
  const Reads reads = failures_ == 0 ? Reads::succeed : Reads::fail;
  const auto limits = long_poll_policy_.limits(reads, delay);
  const TimePoint begin = clock_->now();
  auto answer = client_.wait_for_change(version_, limits.longest, limits.deadline,
                                        [this] { return stopping_ || refresh_; });
  const TimePoint end = clock_->now();
  const auto took = std::chrono::duration_cast<Milliseconds>(end - begin);

  const auto verdict = long_poll_policy_.waited(end, reads, kind_of(answer, version_), took);
  report(verdict.change, answer ? "it answers a wait at once without a change"
                                : "waits fail while reads succeed: " + answer.error().message);
  if (answer && *answer != version_) {
    rest(budget_.take(end), EndedBy::stop);
    return *std::move(answer);
  }
  if (verdict.next == LongPollPolicy::Next::rest) {
    rest(delay - took, EndedBy::stop_or_refresh);
  }
  return std::nullopt;
}

void WatchLoop::report(LongPollPolicy::Change change, const std::string& why) {
  switch (change) {
    case LongPollPolicy::Change::none:
      break;
    case LongPollPolicy::Change::resumed:
      log_.long_poll_resumed(client_.url());
      break;
    case LongPollPolicy::Change::abandoned:
      log_.long_poll_abandoned(client_.url(), why, poll_interval());
      break;
  }
}

}  // namespace rancher_cnode::metadata
