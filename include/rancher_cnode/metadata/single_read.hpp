// The metadata asked once, for commands that report and end. Blocks. Used by cli.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/core/address.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/membership/service.hpp"
#include "rancher_cnode/metadata/metadata_watcher.hpp"

namespace rancher_cnode::metadata {

/// How a server answers a request to wait for another version.
enum class LongPoll {
  held,       ///< it waits, as asked
  immediate,  ///< it answers at once: it is polled
};

/// What one base URL returns. After a request without an answer the others are not made, and have its error.
struct UrlAnswers {
  std::string url;
  Expected<std::string> version = failure(ErrorCode::unavailable, "not asked");
  Expected<Ipv4Address> own_address = failure(ErrorCode::unavailable, "not asked");
  /// Of several services the first; or the first failure.
  Expected<membership::Service> service = failure(ErrorCode::unavailable, "not asked");
  std::vector<membership::ServiceRead> reads = {};  ///< in the order of the settings; empty without an answer
  Expected<LongPoll> long_poll = failure(ErrorCode::unavailable, "not asked");
  /// stacks/STACK/services/SERVICE of each service, if the one of the settings does not exist.
  std::vector<std::string> services;
};

/// Takes about a second where the server waits, and at most five times `limit`.
[[nodiscard]] UrlAnswers ask_url(const WatcherSettings& settings, const std::string& url, Milliseconds limit);

/// One read of the service, from the first URL that answers. Takes at most twice `limit` for each URL.
[[nodiscard]] Observation read_once(const WatcherSettings& settings, Milliseconds limit);

/// The paths of the services in an answer to `stacks`, sorted; empty if it is not one. Pure.
[[nodiscard]] std::vector<std::string> service_paths_in(std::string_view stacks);

}  // namespace rancher_cnode::metadata
