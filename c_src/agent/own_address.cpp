#include "rancher_cnode/agent/own_address.hpp"

#include <future>
#include <utility>

#include "rancher_cnode/metadata/metadata_watcher.hpp"

namespace rancher_cnode::agent {

Expected<Ipv4Address> own_address(const Config& config, Milliseconds timeout, const Log& log) {
  // Outlives the watcher below, whose thread fulfils it; the handler runs at most once.
  std::promise<Ipv4Address> promise;
  auto found = promise.get_future();
  metadata::WatcherSettings settings;
  settings.urls = config.metadata_urls;
  settings.version = config.metadata_version;
  metadata::MetadataWatcher watcher(
      std::move(settings),
      {.observed = [](const metadata::Observation&) {},
       .own_address_found = [&promise](Ipv4Address address) { promise.set_value(address); }},
      log);
  watcher.start();
  if (timeout.count() > 0 && found.wait_for(timeout) != std::future_status::ready) {
    watcher.stop();
    return failure(ErrorCode::timeout, "the metadata service did not tell our address in time");
  }
  const Ipv4Address address = found.get();
  watcher.stop();
  return address;
}

}  // namespace rancher_cnode::agent
