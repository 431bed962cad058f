// The authority of a read by its base URL: an earlier URL is trusted, a later one that has just replaced it
// may be stale (a file, another server) and may only add peers. Pure: time is an argument. Used by
// watch_loop.
#pragma once

#include <cstddef>
#include <optional>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/membership/service.hpp"

namespace rancher_cnode::metadata {

class UrlAuthority {
 public:
  /// `confirmation`: how long reads from a later URL must succeed before it is trusted.
  explicit UrlAuthority(Milliseconds confirmation) : confirmation_(confirmation) {}

  /// A successful read from the URL at this index. The first URL is always trusted, and so is each one before
  /// the last trusted one.
  [[nodiscard]] membership::Authority read_succeeded(TimePoint now, std::size_t url);

  /// A failed read from any URL: the confirmation starts over.
  void read_failed() { since_.reset(); }

 private:
  const Milliseconds confirmation_;
  std::size_t trusted_ = 0;
  std::size_t url_ = 0;             ///< being confirmed
  std::optional<TimePoint> since_;  ///< of its first successful read in a row
};

}  // namespace rancher_cnode::metadata
