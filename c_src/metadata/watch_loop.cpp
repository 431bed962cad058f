#include "metadata/watch_loop.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "metadata/file_source.hpp"

namespace rancher_cnode::metadata {
namespace {

/// Waits in a row that may fail while plain reads succeed, before long-polling is abandoned. A single failure
/// may be a restart of the metadata service.
constexpr unsigned max_failed_waits = 2;

Milliseconds since(TimePoint begin) { return std::chrono::duration_cast<Milliseconds>(Clock::now() - begin); }

}  // namespace

WatchLoop::WatchLoop(WatcherSettings settings, MetadataWatcher::Handlers handlers, const Log& log)
    : settings_(std::move(settings)),
      handlers_(std::move(handlers)),
      log_(log),
      client_({.urls = settings_.urls, .version = settings_.version, .service = settings_.service},
              [this] { return stopping_.load(); }),
      budget_(settings_.pace),
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
  wake_.wait_for(lock, duration, [this, ended_by] {
    return stopping_ || (ended_by == EndedBy::stop_or_refresh && refresh_);
  });
}

// `changed` is the version returned by a wait; the budget has already admitted it.
void WatchLoop::round(const std::optional<std::string>& changed) {
  if (round_ended_ != TimePoint::min()) {
    rest(round_ended_ + settings_.pace.min_gap - Clock::now(), EndedBy::stop);
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
    try_earlier_at_ = Clock::now() + settings_.pace.earlier_url;
  }
  failures_ = succeeded_ && !address_wanted_ ? 0 : failures_ + 1;
  round_ended_ = Clock::now();
}

bool WatchLoop::went_back_to_earlier_url() {
  if (client_.url_index() == 0 || Clock::now() < try_earlier_at_ || stopping_) {
    return false;
  }
  const bool back = client_.return_to_earlier_url();
  try_earlier_at_ = Clock::now() + settings_.pace.earlier_url;
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
  const auto now = Clock::now();
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
  log_.read_failed(Clock::now(), client_.url(), stage, error);
  authority_.read_failed();
  succeeded_ = false;
  // Waits that failed before this do not count: the service was unavailable.
  failed_waits_ = 0;
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
  const bool may_wait =
      watches() && !version_.empty() && (long_polls_ || Clock::now() >= retry_long_poll_at_);
  if (may_wait && !stopping_) {
    return long_poll(delay);
  }
  if (succeeded_ && version_error_ && long_polls_) {
    if (!abandons_long_poll("it returns no version: " + version_error_->message)) {
      return std::nullopt;
    }
  }
  rest(delay, EndedBy::stop_or_refresh);
  return std::nullopt;
}

std::optional<std::string> WatchLoop::long_poll(Milliseconds delay) {
  const Pace& pace = settings_.pace;
  const bool healthy = failures_ == 0;
  // A trial is short, because it replaces the pause between two polls.
  const Milliseconds longest = !healthy      ? delay
                               : long_polls_ ? pace.max_wait
                                             : std::min(pace.max_wait, delay);
  const Milliseconds deadline = healthy ? longest + pace.wait_slack : delay;
  const TimePoint begin = Clock::now();
  const auto answer =
      client_.wait_for_change(version_, longest, deadline, [this] { return stopping_ || refresh_; });
  const Milliseconds took = since(begin);

  if (answer && *answer != version_) {
    if (took >= pace.early_answer) {
      long_poll_works();
    }
    failed_waits_ = 0;
    rest(budget_.take(Clock::now()), EndedBy::stop);
    return *answer;
  }
  const bool expired = answer && took >= pace.early_answer;
  const bool interrupted = !answer && answer.error().code == ErrorCode::cancelled;
  if (expired) {
    long_poll_works();
  }
  if (expired || interrupted) {
    return std::nullopt;
  }
  if (answer) {
    abandon_long_poll("it answers a wait at once without a change");
  } else if (healthy && answer.error().code == ErrorCode::unavailable) {
    // Closed: by a restart, or by a proxy that closes idle connections. Waiting is tried again; only the first time
    // the next round follows at once.
    if (++failed_waits_ < max_failed_waits) {
      return std::nullopt;
    }
  } else if (healthy) {
    if (!abandons_long_poll("waits fail while reads succeed: " + answer.error().message)) {
      return std::nullopt;
    }
  }
  rest(delay - took, EndedBy::stop_or_refresh);
  return std::nullopt;
}

// The first failure may be a restart: the next round shows at once whether the service is still there.
bool WatchLoop::abandons_long_poll(const std::string& why) {
  if (long_polls_ && ++failed_waits_ < max_failed_waits) {
    return false;
  }
  abandon_long_poll(why);
  return true;
}

void WatchLoop::long_poll_works() {
  if (!long_polls_) {
    log_.long_poll_resumed(client_.url());
  }
  long_polls_ = true;
  failed_waits_ = 0;
}

void WatchLoop::abandon_long_poll(const std::string& why) {
  if (long_polls_) {
    log_.long_poll_abandoned(client_.url(), why, poll_interval());
  }
  long_polls_ = false;
  failed_waits_ = 0;
  retry_long_poll_at_ = Clock::now() + settings_.pace.long_poll_retry;
}

}  // namespace rancher_cnode::metadata
