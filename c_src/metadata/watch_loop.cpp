#include "metadata/watch_loop.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "metadata/file_source.hpp"

namespace rancher_cnode::metadata {
namespace {

/// Of a round whose reads are not of one version of the metadata.
constexpr int max_attempts = 3;

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
      services_(settings_.services),
      handlers_(std::move(handlers)),
      clock_(std::move(clock)),
      log_(log),
      client_({.urls = settings_.urls,
               .version = settings_.version,
               .services = settings_.services,
               .label_keys = settings_.label_keys,
               .trusted = settings_.trusted},
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

void WatchLoop::set_services(std::vector<std::string> services) {
  {
    const std::scoped_lock lock(mutex_);
    next_services_ = std::move(services);
  }
  refresh();
}

void WatchLoop::ask_own_address() {
  asking_ = true;
  refresh();
}

void WatchLoop::take_services() {
  std::optional<std::vector<std::string>> next;
  {
    const std::scoped_lock lock(mutex_);
    next.swap(next_services_);
  }
  if (next) {
    services_ = *std::move(next);
    client_.set_services(services_);
    log_.keep_only(services_);
  }
}

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
  take_services();
  const bool went_back = went_back_to_earlier_url();
  const std::size_t url = client_.url_index();
  if (address_wanted_ && !stopping_) {
    find_own_address();
  }
  asked_ = asking_;
  if (asked_ && !stopping_) {
    const auto address = client_.own_address();
    asked_address_ = address ? std::optional(*address) : std::nullopt;
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

void WatchLoop::find_own_address() {
  const auto address = client_.own_address();
  if (stopping_) {
    return;
  }
  if (!address) {
    log_.address_unknown(address.error());
    address_failure_ = address.error().message;
    return;
  }
  if (!handlers_.is_own_address(*address)) {
    log_.address_mismatched(*address, client_.url());
    address_failure_ = "no interface has the address from the metadata, " + address->to_string();
    return;
  }
  address_wanted_ = false;
  address_failure_.clear();
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
    return publish_failure(*version_error_);
  }

  Observation observation;
  bool of_one_version = true;
  for (int attempt = 0; attempt < max_attempts && !stopping_; ++attempt) {
    observation.reads = read_services();
    if (observation.reads.size() == 1 || version_.empty()) {
      break;
    }
    // A container that goes from one service to another meanwhile would be in none.
    const auto now_is = client_.version();
    of_one_version = now_is && *now_is == version_;
    // The last one keeps the version that was read: the wait for another one then ends at once.
    if (of_one_version || !now_is || attempt + 1 == max_attempts) {
      break;
    }
    version_ = *now_is;
  }
  observation.authority = of_one_version ? granted_ : membership::Authority::may_only_add;
  observation.url = observation.has_service() || waitable_ ? client_.url() : "";
  observation.version = version_;
  // A wait starts only after plain answers.
  if (!waitable_) {
    version_.clear();
  }
  publish(std::move(observation));
}

std::vector<membership::ServiceRead> WatchLoop::read_services() {
  std::vector<membership::ServiceRead> reads;
  succeeded_ = true;
  waitable_ = true;
  for (std::size_t i = 0; i < services_.size() && !stopping_; ++i) {
    auto service = client_.service(i);
    if (service) {
      note_read(i, *service);
    } else {
      // The 404 for the version is more specific: nothing is loaded at all.
      if (version_error_ && version_error_->code == ErrorCode::not_found) {
        service = tl::unexpected<Error>(*version_error_);
      }
      note_failure(i, service.error());
    }
    reads.push_back(as_read(services_[i], std::move(service)));
  }
  if (!succeeded_) {
    authority_.read_failed();
    long_poll_policy_.reads_failed();
  }
  return reads;
}

void WatchLoop::note_read(std::size_t index, const membership::Service& service) {
  const auto now = clock_->now();
  granted_ = authority_.read_succeeded(now, client_.url_index());
  log_.read_succeeded(now, {.service = services_[index],
                            .url = client_.url(),
                            .path = client_.service_path(),
                            .version = version_,
                            .containers = service.containers.size(),
                            .authority = granted_});
}

void WatchLoop::note_failure(std::size_t index, const Error& error) {
  succeeded_ = false;
  waitable_ = waitable_ && error.code == ErrorCode::not_found;
  if (!stopping_) {
    const bool of_version = version_error_ && error.message == version_error_->message;
    log_.read_failed(clock_->now(), services_[index], client_.url(), of_version ? "version" : "service",
                     error);
  }
}

/// Nothing was read, because not even the version was.
void WatchLoop::publish_failure(const Error& of_version) {
  if (stopping_) {
    return;
  }
  Observation observation;
  waitable_ = true;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    note_failure(i, of_version);
    observation.reads.push_back(as_read(services_[i], tl::unexpected<Error>(of_version)));
  }
  authority_.read_failed();
  long_poll_policy_.reads_failed();
  publish(std::move(observation));
}

void WatchLoop::publish(Observation observation) {
  if (stopping_) {
    return;
  }
  observation.own_address_failure = address_failure_;
  observation.asked_own_address = asked_;
  if (asked_) {
    observation.own_address = asked_address_;
    asking_ = false;
  }
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
