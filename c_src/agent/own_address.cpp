#include "rancher_cnode/agent/own_address.hpp"

#include <future>
#include <mutex>
#include <optional>
#include <string>

#include "rancher_cnode/interfaces.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"
#include "wing_settings.hpp"

namespace rancher_cnode::agent {
namespace {

/// Why the last round did not tell our address. Written on the watcher's thread.
class LastReason {
 public:
  void note(const metadata::Observation& observation) {
    const auto* const unknown = std::get_if<membership::Unknown>(&observation.read);
    const std::scoped_lock lock(mutex_);
    if (elsewhere_) {
      text_ = "no interface here has the address that it gives, " + elsewhere_->to_string();
    } else {
      text_ = unknown != nullptr
                  ? unknown->reason
                  : observation.url + " tells the service, but no address of this container (yet)";
    }
    elsewhere_.reset();
  }

  /// Before the observation of the same round.
  void note_elsewhere(Ipv4Address address) {
    const std::scoped_lock lock(mutex_);
    elsewhere_ = address;
  }

  [[nodiscard]] std::string text() {
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_ = "no answer yet";
  std::optional<Ipv4Address> elsewhere_;
};

}  // namespace

Expected<Ipv4Address> own_address(const Config& config, Milliseconds timeout, const Log& log) {
  // Both outlive the watcher below, whose thread uses them; the address is found at most once.
  LastReason reason;
  std::promise<Ipv4Address> promise;
  auto found = promise.get_future();
  metadata::MetadataWatcher watcher(
      watcher_settings(config),
      {.observed = [&reason](const metadata::Observation& observation) { reason.note(observation); },
       .own_address_found = [&promise](Ipv4Address address) { promise.set_value(address); },
       .is_own_address =
           [&reason](Ipv4Address address) {
             const bool here = is_on_an_interface(address);
             if (!here) {
               reason.note_elsewhere(address);
             }
             return here;
           }},
      log);
  watcher.start();
  if (timeout.count() > 0 && found.wait_for(timeout) != std::future_status::ready) {
    watcher.stop();
    return failure(ErrorCode::timeout,
                   "the metadata service did not tell our address in time: " + reason.text());
  }
  const Ipv4Address address = found.get();
  watcher.stop();
  return address;
}

}  // namespace rancher_cnode::agent
