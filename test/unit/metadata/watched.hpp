// A watcher whose observations stand in a queue and whose log lines can be counted.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "support/unit/contains.hpp"

namespace rancher_cnode::testing {

using membership::FailedRead;
using membership::Service;
using metadata::MetadataWatcher;
using metadata::Observation;
using metadata::WatcherSettings;

class Lines final : public Log::Sink {
 public:
  void line(std::string_view text) override {
    const std::scoped_lock lock(mutex_);
    lines_.emplace_back(text);
  }
  std::size_t count(std::string_view part) const {
    const std::scoped_lock lock(mutex_);
    std::size_t found = 0;
    for (const auto& line : lines_) {
      found += contains(line, part) ? 1 : 0;
    }
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

enum class AskAddress { no, yes };

/// A watcher whose observations stand in a queue.
class Watched {
 public:
  /// `own`: the only address that is taken; nothing: any.
  explicit Watched(WatcherSettings settings, AskAddress ask_address = AskAddress::no,
                   std::optional<Ipv4Address> own = std::nullopt)
      : watcher(std::move(settings), handlers(ask_address, own), log_) {
    watcher.start();
  }
  Watched(WatcherSettings settings, std::shared_ptr<metadata::WatchClock> clock)
      : watcher(std::move(settings), handlers(AskAddress::no, std::nullopt), log_, std::move(clock)) {
    watcher.start();
  }

  /// The next observation; fails the test after 10 s.
  Observation next() {
    std::unique_lock lock(mutex_);
    const bool came =
        changed_.wait_for(lock, std::chrono::seconds(10), [this] { return !observations_.empty(); });
    REQUIRE_MESSAGE(came, "no observation within 10 s after the first " << observed_);
    Observation first = std::move(observations_.front());
    observations_.pop_front();
    return first;
  }
  /// The next observation that fits, dropping others.
  template <class Fits>
  Observation next_that(const Fits& fits) {
    for (int i = 0; i < 100; ++i) {
      Observation observation = next();
      if (fits(observation)) {
        return observation;
      }
    }
    FAIL("none of 100 observations fits");
    return {};
  }
  Observation next_good() {
    return next_that(
        [](const Observation& o) { return std::holds_alternative<Service>(o.reads.front().read); });
  }
  Observation next_unknown() {
    return next_that(
        [](const Observation& o) { return std::holds_alternative<FailedRead>(o.reads.front().read); });
  }
  std::optional<Ipv4Address> await_address() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [this] { return address_.has_value(); });
    return address_;
  }
  std::size_t observed() {
    const std::scoped_lock lock(mutex_);
    return observed_;
  }
  /// False if no such line has come within 10 s.
  bool await_line(std::string_view part) const {
    const TimePoint end = Clock::now() + std::chrono::seconds(10);
    while (lines(part) == 0 && Clock::now() < end) {
      std::this_thread::sleep_for(Milliseconds(5));
    }
    return lines(part) > 0;
  }
  std::size_t lines(std::string_view part) const { return lines_->count(part); }

 private:
  MetadataWatcher::Handlers handlers(AskAddress ask_address, std::optional<Ipv4Address> own) {
    MetadataWatcher::Handlers result;
    result.observed = [this](Observation observation) {
      const std::scoped_lock lock(mutex_);
      ++observed_;
      observations_.push_back(std::move(observation));
      changed_.notify_all();
    };
    if (own) {
      result.is_own_address = [own](Ipv4Address address) { return address == *own; };
    }
    if (ask_address == AskAddress::yes) {
      result.own_address_found = [this](Ipv4Address address) {
        const std::scoped_lock lock(mutex_);
        CHECK_FALSE(address_.has_value());
        address_ = address;
        changed_.notify_all();
      };
    }
    return result;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Observation> observations_;
  std::size_t observed_ = 0;
  std::optional<Ipv4Address> address_;
  std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
  Log log_{LogLevel::debug, LogFormat::text, lines_};

 public:
  MetadataWatcher watcher;  // last: it stops before what its handlers use is gone
};

inline WatcherSettings settings_of(std::vector<std::string> urls) {
  WatcherSettings settings;
  settings.urls = std::move(urls);
  return settings;
}

/// How many containers a good read has; 999 for an unknown one.
inline std::size_t containers(const Observation& observation) {
  const auto* service = std::get_if<Service>(&observation.reads.front().read);
  return service != nullptr ? service->containers.size() : 999;
}

inline std::string reason(const Observation& observation) {
  const auto* unknown = std::get_if<FailedRead>(&observation.reads.front().read);
  return unknown != nullptr ? unknown->reason : "a good read";
}

inline Milliseconds since(TimePoint begin) {
  return std::chrono::duration_cast<Milliseconds>(Clock::now() - begin);
}

}  // namespace rancher_cnode::testing
