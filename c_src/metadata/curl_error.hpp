// libcurl's failures as ours. Used by http_client only.
#pragma once

#include <curl/curl.h>

#include "rancher_cnode/clock.hpp"
#include "rancher_cnode/error.hpp"

namespace rancher_cnode::metadata {

struct Timeouts {
  Milliseconds connect;
  Milliseconds total;
};

/// Why the transfer on `easy` ended with `code` (not CURLE_OK), in words for a person at night.
[[nodiscard]] Error curl_error(CURL* easy, CURLcode code, const Timeouts& timeouts);

}  // namespace rancher_cnode::metadata
