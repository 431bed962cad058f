#include "cli/commands/own_address.hpp"

#include <future>
#include <mutex>
#include <optional>
#include <string>

#include "rancher_cnode/agent/component_settings.hpp"
#include "rancher_cnode/core/interfaces.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"

namespace rancher_cnode::cli {
namespace {

/// Why the last round did not return our address. Written on the watcher's thread.
class LastReason {
 public:
  void note(const metadata::Observation& observation) {
    const std::string failure = observation.failure();
    const std::scoped_lock lock(mutex_);
    if (mismatched_) {
      text_ = "no interface of this container has the returned address, " + mismatched_->to_string();
    } else {
      text_ = !failure.empty()
                  ? failure
                  : observation.url + " returns the service, but no address of this container (yet)";
    }
    mismatched_.reset();
  }

  /// Before the observation of the same round.
  void note_mismatched(Ipv4Address address) {
    const std::scoped_lock lock(mutex_);
    mismatched_ = address;
  }

  [[nodiscard]] std::string text() {
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_ = "no answer yet";
  std::optional<Ipv4Address> mismatched_;
};

}  // namespace

Expected<Ipv4Address> own_address(const Config& config, Milliseconds timeout, const Log& log) {
  // Both outlive the watcher below, whose thread uses them; the address is found at most once.
  LastReason reason;
  std::promise<Ipv4Address> promise;
  auto found = promise.get_future();
  metadata::MetadataWatcher watcher(
      agent::watcher_settings(config),
      {.observed = [&reason](const metadata::Observation& observation) { reason.note(observation); },
       .own_address_found = [&promise](Ipv4Address address) { promise.set_value(address); },
       .is_own_address =
           [&reason](Ipv4Address address) {
             const bool here = is_on_an_interface(address);
             if (!here) {
               reason.note_mismatched(address);
             }
             return here;
           }},
      log);
  watcher.start();
  if (timeout.count() > 0 && found.wait_for(timeout) != std::future_status::ready) {
    watcher.stop();
    return failure(ErrorCode::timeout,
                   "no address of this container from the metadata service in time: " + reason.text());
  }
  const Ipv4Address address = found.get();
  watcher.stop();
  return address;
}

}  // namespace rancher_cnode::cli
