// Translates libcurl errors. Used by http_client only.
#pragma once

#include <curl/curl.h>

#include <cstddef>

#include "metadata/http_client.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::metadata {

/// Facts that libcurl does not provide, or not reliably once it has replaced a connection.
struct TransferFacts {
  Timeouts timeouts;
  std::size_t received;  ///< bytes of the answer, header lines included
};

/// Why the transfer on `easy` ended with `code` (not CURLE_OK), in words.
[[nodiscard]] Error curl_error(CURL* easy, CURLcode code, const TransferFacts& facts);

}  // namespace rancher_cnode::metadata
