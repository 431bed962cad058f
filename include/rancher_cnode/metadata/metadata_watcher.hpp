// SKETCH - the owner of this room finishes it
// The loop on its own thread: wait for a change, read, hand over an Observation.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "rancher_cnode/address.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/config.hpp"
#include "rancher_cnode/log.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/membership/service.hpp"

namespace rancher_cnode::metadata {

struct WatcherSettings {
  std::vector<std::string> urls;         ///< in order of preference
  std::string version = "latest";
  std::string service = "self/service";
  WatchMode watch = WatchMode::on;
  Milliseconds polling_interval{5'000};
  // + deadlines, limits: named constants or fields with defaults
};

struct Observation {
  membership::Read read;
  membership::ReadScope scope = membership::ReadScope::self;
  std::string url;                       ///< base URL that answered; "" if none did
  std::string version;                   ///< metadata version the read belongs to; "" if not known
  Milliseconds took{0};
};

class MetadataWatcher {
 public:
  /// `observed` and `own_address_found` run on the watcher's thread and must only hand over.
  struct Handlers {
    std::function<void(Observation)> observed;
    std::function<void(Ipv4Address)> own_address_found;  ///< empty: the address is not asked for
  };
  MetadataWatcher(WatcherSettings settings, Handlers handlers, const Log& log);
  ~MetadataWatcher();                    ///< stop()
  void start();
  void refresh();                        ///< any thread: read again as soon as the minimum interval allows
  void stop();                           ///< any thread: wakes, cancels at once, joins
};

}  // namespace rancher_cnode::metadata
