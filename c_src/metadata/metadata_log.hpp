// The log lines of a watcher: one per change, none per request. Used by watch_loop only.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/membership/service.hpp"

namespace rancher_cnode::metadata {

class MetadataLog {
 public:
  explicit MetadataLog(const Log& log) : log_(log) {}

  /// The others are forgotten: what they lacked no longer stands for what these lack.
  void keep_only(const std::vector<std::string>& services);

  struct SuccessfulRead {
    std::string service;  ///< path of the settings
    std::string url;
    std::string path;  ///< of the answer: another one if the service was read by name
    std::string version;
    std::size_t containers;
    membership::Authority authority = membership::Authority::full;
  };
  void read_succeeded(TimePoint now, SuccessfulRead read);
  /// `stage`: version or service.
  void read_failed(TimePoint now, const std::string& service, const std::string& url, const char* stage,
                   const Error& error);
  void address_found(Ipv4Address address, const std::string& url);
  void address_mismatched(Ipv4Address address, const std::string& url);
  void address_unknown(const Error& error);
  void long_poll_abandoned(const std::string& url, const std::string& why, Milliseconds polling_interval);
  void long_poll_resumed(const std::string& url);
  void failed(const char* what);

 private:
  struct OfService {
    std::string last_read_at;  ///< URL and path of the last successful read; "" while reads fail
    std::string last_failure;  ///< "" while reads succeed
    bool logged = false;       ///< that failure, of this service; otherwise that of another one stands for it
    std::optional<TimePoint> failing_since;
  };

  void read_empty(TimePoint now, OfService& state, const SuccessfulRead& read);

  const Log& log_;
  std::map<std::string, OfService> services_;  ///< by path of the settings
  std::string last_address_failure_;           ///< "" once it is found
};

}  // namespace rancher_cnode::metadata
