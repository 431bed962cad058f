// What a read may do by the base URL that it came from: an earlier URL is trusted, a later one that has just taken
// its place may be stale (a file, another server) and may only add peers. Pure: time comes in as an argument.
// Used by watch_loop.
#pragma once

#include <cstddef>
#include <optional>

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/membership/service.hpp"

namespace rancher_cnode::metadata {

class UrlAuthority {
 public:
  /// `confirmation`: how long good reads must come from a later URL before it is trusted.
  explicit UrlAuthority(Milliseconds confirmation) : confirmation_(confirmation) {}

  /// A good read from the URL at this place of the list. The first URL is always trusted, and so is each one
  /// before that which was trusted last.
  [[nodiscard]] membership::Authority read_good(TimePoint now, std::size_t url);

  /// A read that failed, wherever: a confirmation that has begun begins anew.
  void read_bad() { since_.reset(); }

 private:
  const Milliseconds confirmation_;
  std::size_t trusted_ = 0;
  std::size_t url_ = 0;             ///< that is being confirmed
  std::optional<TimePoint> since_;  ///< of its first good read in a row
};

}  // namespace rancher_cnode::metadata
