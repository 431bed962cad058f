#include "rancher_cnode/metadata/metadata_watcher.hpp"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>

#include "metadata/watch_loop.hpp"

namespace rancher_cnode::metadata {

bool Observation::has_service() const {
  return std::ranges::any_of(
      reads, [](const auto& read) { return std::holds_alternative<membership::Service>(read.read); });
}

std::string Observation::failure() const {
  for (const auto& read : reads) {
    if (const auto* const failed = std::get_if<membership::FailedRead>(&read.read)) {
      return failed->reason;
    }
  }
  return {};
}

class MetadataWatcher::Thread {
 public:
  Thread(WatcherSettings settings, Handlers handlers, const Log& log, std::shared_ptr<WatchClock> clock)
      : loop(std::move(settings), std::move(handlers), log, std::move(clock)) {}

  WatchLoop loop;
  std::mutex joining;  ///< makes a second stop() return after the join, too
  std::thread thread;
};

MetadataWatcher::MetadataWatcher(WatcherSettings settings, Handlers handlers, const Log& log,
                                 std::shared_ptr<WatchClock> clock)
    : thread_(std::make_unique<Thread>(std::move(settings), std::move(handlers), log, std::move(clock))) {}

MetadataWatcher::~MetadataWatcher() { stop(); }

void MetadataWatcher::start() {
  thread_->thread = std::thread([&loop = thread_->loop] { loop.run(); });
}

void MetadataWatcher::refresh() { thread_->loop.refresh(); }

void MetadataWatcher::set_services(std::vector<std::string> services) {
  thread_->loop.set_services(std::move(services));
}

void MetadataWatcher::ask_own_address() { thread_->loop.ask_own_address(); }

void MetadataWatcher::stop() {
  thread_->loop.stop();
  const std::scoped_lock lock(thread_->joining);
  if (thread_->thread.joinable()) {
    thread_->thread.join();
  }
}

}  // namespace rancher_cnode::metadata
