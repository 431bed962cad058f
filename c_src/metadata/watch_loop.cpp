#include "watch_loop.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "rancher_cnode/metadata/file_source.hpp"

namespace rancher_cnode::metadata {
namespace {

/// Waits in a row that may fail while plain reads are good, before the server counts as one that cannot wait.
/// One alone is what a restart of the metadata service looks like.
constexpr unsigned max_failed_waits = 2;

Milliseconds since(TimePoint begin) { return std::chrono::duration_cast<Milliseconds>(Clock::now() - begin); }

}  // namespace

WatchLoop::WatchLoop(WatcherSettings settings, MetadataWatcher::Handlers handlers, const Log& log)
    : settings_(std::move(settings)),
      handlers_(std::move(handlers)),
      journal_(log),
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
      journal_.failed(error.what());
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

// `changed` is the version that a wait has brought; the budget has let it through already.
void WatchLoop::round(const std::optional<std::string>& changed) {
  if (round_ended_ != TimePoint::min()) {
    rest(round_ended_ + settings_.pace.min_gap - Clock::now(), EndedBy::stop);
  }
  // Before the first request, so that a refresh during this round causes another one.
  refresh_ = false;
  const bool went_back = went_back_to_earlier_url();
  const std::size_t url = client_.url_index();
  if (address_wanted_ && !stopping_) {
    look_for_own_address();
  }
  // The version that was waited for is that of the URL that was left.
  if (!stopping_) {
    read(went_back ? std::nullopt : changed);
  }
  if (client_.url_index() > url) {
    try_earlier_at_ = Clock::now() + settings_.pace.earlier_url;
  }
  failures_ = good_ && !address_wanted_ ? 0 : failures_ + 1;
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

void WatchLoop::look_for_own_address() {
  const auto address = client_.own_address();
  if (stopping_) {
    return;
  }
  if (!address) {
    journal_.address_unknown(address.error());
    return;
  }
  if (!handlers_.is_own_address(*address)) {
    journal_.address_elsewhere(*address, client_.url());
    return;
  }
  address_wanted_ = false;
  journal_.address_found(*address, client_.url());
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
  // Without any answer to the one there would be none to the other.
  const bool answered = !version_error_ || version_error_->code == ErrorCode::not_found ||
                        version_error_->code == ErrorCode::malformed;
  if (!answered) {
    return hand_over_bad("version", *version_error_);
  }

  auto service = client_.service();
  if (service) {
    return hand_over_good(std::move(*service));
  }
  // The version's 404 says more: nothing is loaded at all.
  if (version_error_ && version_error_->code == ErrorCode::not_found) {
    return hand_over_bad("version", *version_error_);
  }
  hand_over_bad("service", service.error());
}

void WatchLoop::hand_over_good(membership::Service service) {
  const bool by_name = client_.service_path() != settings_.service;
  const auto now = Clock::now();
  const auto authority = authority_.read_good(now, client_.url_index());
  journal_.read_good(
      now, {client_.url(), client_.service_path(), version_, service.containers.size(), by_name, authority});
  good_ = true;
  hand_over({std::move(service), {}, authority, client_.url(), version_});
}

void WatchLoop::hand_over_bad(const char* stage, const Error& error) {
  if (stopping_) {
    return;
  }
  journal_.read_bad(Clock::now(), client_.url(), stage, error);
  authority_.read_bad();
  good_ = false;
  // A wait that failed before this tells nothing of waiting: the service was away.
  failed_waits_ = 0;
  const bool answered = error.code == ErrorCode::not_found;
  hand_over({membership::Unknown{error.message}, {}, {}, answered ? client_.url() : "", version_});
  // A wait begins only after a plain answer.
  if (!answered) {
    version_.clear();
  }
}

void WatchLoop::hand_over(Observation observation) {
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

// Returns the new version if the reason to read again is that a wait has brought one.
std::optional<std::string> WatchLoop::wait_for_next() {
  const Milliseconds delay =
      failures_ == 0 ? poll_interval() : retry_delay(settings_.pace, settings_.polling_interval, failures_);
  const bool may_wait = watches() && !version_.empty() && (long_polls_ || Clock::now() >= watch_again_at_);
  if (may_wait && !stopping_) {
    return long_poll(delay);
  }
  if (good_ && version_error_ && long_polls_) {
    if (!gives_up_watching("it tells no version: " + version_error_->message)) {
      return std::nullopt;
    }
  }
  rest(delay, EndedBy::stop_or_refresh);
  return std::nullopt;
}

std::optional<std::string> WatchLoop::long_poll(Milliseconds delay) {
  const Pace& pace = settings_.pace;
  const bool well = failures_ == 0;
  // A trial is short, because it stands in for a rest between two polls.
  const Milliseconds longest = !well ? delay : long_polls_ ? pace.max_wait : std::min(pace.max_wait, delay);
  const Milliseconds deadline = well ? longest + pace.wait_slack : delay;
  const TimePoint begin = Clock::now();
  const auto answer =
      client_.wait_for_change(version_, longest, deadline, [this] { return stopping_ || refresh_; });
  const Milliseconds took = since(begin);

  if (answer && *answer != version_) {
    if (took >= pace.early_answer) {
      note_waiting();
    }
    failed_waits_ = 0;
    rest(budget_.take(Clock::now()), EndedBy::stop);
    return *answer;
  }
  const bool expired = answer && took >= pace.early_answer;
  const bool interrupted = !answer && answer.error().code == ErrorCode::cancelled;
  if (expired) {
    note_waiting();
  }
  if (expired || interrupted) {
    return std::nullopt;
  }
  if (answer) {
    note_not_waiting("it answers a wait at once although nothing changed");
  } else if (well && answer.error().code == ErrorCode::unavailable) {
    // Cut off: by a restart, or by something between that closes quiet connections. It is worth waiting again;
    // only the first time the next round follows at once.
    if (++failed_waits_ < max_failed_waits) {
      return std::nullopt;
    }
  } else if (well) {
    if (!gives_up_watching("waits fail although reads do not: " + answer.error().message)) {
      return std::nullopt;
    }
  }
  rest(delay - took, EndedBy::stop_or_refresh);
  return std::nullopt;
}

// The first failure may be a restart: the next round tells at once whether the service is still there.
bool WatchLoop::gives_up_watching(const std::string& why) {
  if (long_polls_ && ++failed_waits_ < max_failed_waits) {
    return false;
  }
  note_not_waiting(why);
  return true;
}

void WatchLoop::note_waiting() {
  if (!long_polls_) {
    journal_.watches_again(client_.url());
  }
  long_polls_ = true;
  failed_waits_ = 0;
}

void WatchLoop::note_not_waiting(const std::string& why) {
  if (long_polls_) {
    journal_.polls_plainly(client_.url(), why, poll_interval());
  }
  long_polls_ = false;
  failed_waits_ = 0;
  watch_again_at_ = Clock::now() + settings_.pace.watch_again;
}

}  // namespace rancher_cnode::metadata
