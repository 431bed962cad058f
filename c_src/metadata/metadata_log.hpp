// The log lines of a watcher: one per change, none per request. Used by watch_loop only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/log/log.hpp"
#include "rancher_cnode/log/log_deduplication.hpp"
#include "rancher_cnode/membership/service.hpp"

namespace rancher_cnode::metadata {

class MetadataLog {
 public:
  explicit MetadataLog(const Log& log) : log_(log) {}

  struct SuccessfulRead {
    std::string url;
    std::string path;
    std::string version;
    std::size_t containers;
    bool by_name;  ///< self/service is gone and the service was read by name
    membership::Authority authority = membership::Authority::full;
  };
  void read_succeeded(TimePoint now, SuccessfulRead read);
  /// `stage`: version or service.
  void read_failed(TimePoint now, const std::string& url, const char* stage, const Error& error);
  void address_found(Ipv4Address address, const std::string& url);
  void address_mismatched(Ipv4Address address, const std::string& url);
  void address_unknown(const Error& error);
  void long_poll_abandoned(const std::string& url, const std::string& why, Milliseconds polling_interval);
  void long_poll_resumed(const std::string& url);
  void failed(const char* what);

 private:
  void read_empty(TimePoint now, const SuccessfulRead& read);

  const Log& log_;
  std::string last_read_at_;  ///< URL and path of the last successful read; "" while reads fail
  LogDeduplication read_failures_;
  LogDeduplication address_failures_;
  std::optional<TimePoint> failing_since_;
};

}  // namespace rancher_cnode::metadata
