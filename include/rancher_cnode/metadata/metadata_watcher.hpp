// Waits for changes of the metadata on its own thread, reads, and publishes Observations. Used by the agent.
//
// With watch on, a round reads the metadata version V, then the services, and then long-polls until the
// version is no longer V: a change in between is caught, and a change after a quiet time is read within
// milliseconds. The end of a wait, also its expiry, causes a full read, so there is at least one every 35 s.
// While reads fail, the wait is as short as the retry delay: an answer that is invalid because something is
// not loaded yet becomes valid with a new version. A server that does not long-poll, or returns no version,
// is polled, at least once a minute, and long-polling is tried again from time to time. With watch off, and
// for file:// URLs, the service is read every polling interval. For the limits see watch_pacing.
//
// A later base URL that has replaced an earlier one may be stale, so it may only add peers until it has been
// read for url_confirmation. The earlier ones are tried again from time to time, and trusted at once.
//
// Bodies are not compared: they differ at every reload even if nothing changed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/membership/membership.hpp"
#include "rancher_cnode/membership/service.hpp"
#include "rancher_cnode/metadata/trusted_certificates.hpp"
#include "rancher_cnode/metadata/watch_clock.hpp"
#include "rancher_cnode/metadata/watch_pacing.hpp"

namespace rancher_cnode::metadata {

struct WatcherSettings {
  std::vector<std::string> urls;   ///< at least one, in order of preference; no trailing slash
  std::string version = "latest";  ///< path component
  /// Paths below the version, without outer slashes: of a service, or of all services of a stack
  /// (asks_for_stack). At least one; each is read once.
  std::vector<std::string> services = {"self/service"};
  std::vector<std::string> label_keys = {};  ///< of the labels that are read
  TrustedCertificates trusted = {};          ///< for https; what it does not name is that of the system
  WatchMode watch = WatchMode::on;
  Milliseconds url_confirmation{60'000};  ///< how long a later URL must be read before it may remove peers
  Milliseconds polling_interval{5'000};   ///< between polls; caps retry delays too, see Pace
  Pace pace;
};

/// The outcome of a round. Every round publishes one, successful or failed.
struct Observation {
  /// One for each service of this round, in their order; of one version of the metadata, or `authority` is
  /// may_only_add.
  std::vector<membership::ServiceRead> reads;
  membership::Authority authority = membership::Authority::full;  ///< by its URL, too
  std::string url;                              ///< base URL that answered, also with 404; "" if none did
  std::string version;                          ///< metadata version of the reads; "" if not known
  std::string own_address_failure = {};         ///< why that is not known; "" if it is, or is not requested
  bool asked_own_address = false;               ///< by MetadataWatcher::ask_own_address
  std::optional<Ipv4Address> own_address = {};  ///< the answer to that; nothing: none

  /// Whether a service has been read.
  [[nodiscard]] bool has_service() const;
  /// Why the first service that was not read was not; "" if all were.
  [[nodiscard]] std::string failure() const;
};

/// True if the path asks for the caller's own service or stack, so that its own container belongs in the
/// answer.
[[nodiscard]] bool asks_for_self(std::string_view service_path);
/// True if the path asks for all services of a stack, so that the answer is a list: it ends in /services.
[[nodiscard]] bool asks_for_stack(std::string_view service_path);

class MetadataWatcher {
 public:
  /// Called on the watcher's thread, never concurrently, and never after stop() has returned. They must
  /// return quickly and must not call stop().
  struct Handlers {
    std::function<void(Observation)> observed;
    std::function<void(Ipv4Address)> own_address_found;  ///< once; empty: the address is not requested
    /// False: the address is not that of this container (yet), and is requested again. After a restart of a
    /// container the metadata may contain its previous address for a while.
    std::function<bool(Ipv4Address)> is_own_address = [](Ipv4Address /*address*/) { return true; };
  };

  /// `log` must outlive the watcher.
  MetadataWatcher(WatcherSettings settings, Handlers handlers, const Log& log,
                  std::shared_ptr<WatchClock> clock = std::make_shared<WatchClock>());
  /// stop()
  ~MetadataWatcher();
  MetadataWatcher(const MetadataWatcher&) = delete;
  MetadataWatcher& operator=(const MetadataWatcher&) = delete;

  /// Starts the thread. Once.
  void start();

  /// Ends a wait or a pause and reads again, as soon as the minimum gap between rounds allows; a running
  /// round is followed by another one. A read caused by a version change is not hastened: it may be delayed
  /// by up to Pace::reread_interval. Any thread; never blocks.
  void refresh();

  /// Reads these services, as in the settings, from the next round on, and reads soon, as refresh() does. A
  /// running round ends with those that it began with. Any thread; never blocks.
  void set_services(std::vector<std::string> services);

  /// Requests the address that the metadata has for this container, for one observation; reads soon, as
  /// refresh() does. Any thread; never blocks.
  void ask_own_address();

  /// Cancels a request at once and joins the thread. Any thread but the watcher's; may be called again.
  void stop();

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace rancher_cnode::metadata
