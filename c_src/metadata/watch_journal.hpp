// The log lines of a watcher: one per change, however often a request is repeated. Used by watch_loop only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "rancher_cnode/address.hpp"
#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/error.hpp"
#include "rancher_cnode/log.hpp"
#include "rancher_cnode/membership/service.hpp"
#include "rancher_cnode/told_once.hpp"

namespace rancher_cnode::metadata {

class WatchJournal {
 public:
  explicit WatchJournal(const Log& log) : log_(log) {}

  struct GoodRead {
    std::string url;
    std::string path;
    std::string version;
    std::size_t containers;
    bool by_name;  ///< self/service is gone and the service was read by its name
    membership::Authority authority = membership::Authority::full;
  };
  void read_good(TimePoint now, GoodRead read);
  /// `stage` is what was asked for: version or service.
  void read_bad(TimePoint now, const std::string& url, const char* stage, const Error& error);
  void address_found(Ipv4Address address, const std::string& url);
  void address_elsewhere(Ipv4Address address, const std::string& url);
  void address_unknown(const Error& error);
  void polls_plainly(const std::string& url, const std::string& why, Milliseconds polling_interval);
  void watches_again(const std::string& url);
  void failed(const char* what);

 private:
  void read_empty(TimePoint now, const GoodRead& read);

  const Log& log_;
  std::string good_at_;  ///< URL and path of the last good read; "" while reads are bad
  ToldOnce bad_reads_;
  ToldOnce no_address_;
  std::optional<TimePoint> bad_since_;
};

}  // namespace rancher_cnode::metadata
