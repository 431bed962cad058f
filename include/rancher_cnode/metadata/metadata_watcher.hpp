// The loop on its own thread: wait for a change, read, hand over an Observation. Used by the agent.
//
// With watch on, a round reads the metadata version V, then the service, and then long-polls until the
// version is no longer V: a change in between is caught, and a change after a quiet time is read within
// milliseconds. Whatever ends a wait, its expiry too, causes a full read, so there is one at least every 35
// s. While the reads are bad, the wait is as short as the retry delay: an answer that is bad because
// something is not loaded yet becomes good with a new version. A server that does not long-poll, or tells no
// version, is polled plainly, at least once a minute, and tried again now and then. With watch off, and for
// file:// URLs, the service is read every polling interval. How often at most: see watch_pacing.
//
// A later base URL that has taken the place of an earlier one may be stale, so what it says may only add peers until
// it has been read for url_confirmation. The earlier ones are tried again now and then, and trusted at once.
//
// Bodies are never compared: they differ at every reload although nothing changed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rancher_cnode/address.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/config.hpp"
#include "rancher_cnode/log.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/membership/service.hpp"
#include "rancher_cnode/metadata/watch_pacing.hpp"

namespace rancher_cnode::metadata {

struct WatcherSettings {
  std::vector<std::string> urls;         ///< at least one, in order of preference; no trailing slash
  std::string version = "latest";        ///< path component
  std::string service = "self/service";  ///< path below the version, without outer slashes
  WatchMode watch = WatchMode::on;
  Milliseconds url_confirmation{60'000};  ///< how long a later URL must be read before it may remove peers
  Milliseconds polling_interval{5'000};   ///< between polls; caps retry delays too, see Pace
  Pace pace;
};

/// One round's outcome. Every round hands over one, good or unknown.
struct Observation {
  membership::Read read;
  membership::ReadScope scope = membership::ReadScope::self;  ///< self also when read by name in its stead
  membership::Authority authority = membership::Authority::full;  ///< by the URL that it came from
  std::string url;      ///< base URL that answered, be it 404; "" if none did
  std::string version;  ///< metadata version the read belongs to; "" if not known
};

class MetadataWatcher {
 public:
  /// Called on the watcher's thread, never at the same time, and never after stop() has returned. They must
  /// only hand over, and must not call stop().
  struct Handlers {
    std::function<void(Observation)> observed;
    std::function<void(Ipv4Address)> own_address_found;  ///< once; empty: the address is not asked for
    /// False: the address is not this container's (yet), and is asked for again. After a restart of a container
    /// metadata may give the one of before for a while.
    std::function<bool(Ipv4Address)> is_own_address = [](Ipv4Address /*address*/) { return true; };
  };

  /// `log` must outlive the watcher.
  MetadataWatcher(WatcherSettings settings, Handlers handlers, const Log& log);
  /// stop()
  ~MetadataWatcher();
  MetadataWatcher(const MetadataWatcher&) = delete;
  MetadataWatcher& operator=(const MetadataWatcher&) = delete;

  /// Begins. Once.
  void start();

  /// Ends a wait or a rest and reads again, as soon as the smallest gap between rounds allows; a round that
  /// is under way is followed by another. A read that a version change has brought on is not hastened: it may
  /// be held for up to Pace::reread_interval. Any thread; never blocks.
  void refresh();

  /// Cancels a request at once and joins the thread. Any thread but the watcher's; may be called again.
  void stop();

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace rancher_cnode::metadata
