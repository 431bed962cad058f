#include "metadata/curl_error.hpp"

#include <doctest/doctest.h>

using namespace rancher_cnode;
using metadata::curl_error;

namespace {

constexpr metadata::Timeouts timeouts{Milliseconds(1), Milliseconds(2), Milliseconds(3)};

/// On a transfer that has not come so far as to look up a name.
Error error_of(CURLcode code, std::size_t received) {
  CURL* const easy = curl_easy_init();
  REQUIRE(easy != nullptr);
  Error error = curl_error(easy, code, {timeouts, received});
  curl_easy_cleanup(easy);
  return error;
}

}  // namespace

TEST_CASE("each lost connection reports whether the answer had begun") {
  for (const CURLcode code : {CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_PARTIAL_FILE,
                              CURLE_ABORTED_BY_CALLBACK}) {
    CAPTURE(code);
    CHECK(error_of(code, 0) == Error{ErrorCode::unavailable, "connection closed without an answer"});
    CHECK(error_of(code, 1) ==
          Error{ErrorCode::unavailable, "connection closed in the middle of the answer"});
  }
}

TEST_CASE("every other failure has its message") {
  const struct {
    CURLcode code;
    Error error;
  } rows[] = {
      {CURLE_COULDNT_RESOLVE_HOST, {ErrorCode::unavailable, "the name does not resolve"}},
      {CURLE_COULDNT_CONNECT, {ErrorCode::unavailable, "no connection"}},
      {CURLE_OPERATION_TIMEDOUT, {ErrorCode::timeout, "the name server does not answer within 1 ms"}},
      {CURLE_SSL_CONNECT_ERROR, {ErrorCode::unavailable, "the TLS handshake failed"}},
      {CURLE_PEER_FAILED_VERIFICATION, {ErrorCode::unavailable, "the server's certificate is not trusted"}},
      {CURLE_SSL_CACERT_BADFILE, {ErrorCode::failed, "the CA certificates cannot be read"}},
      {CURLE_URL_MALFORMAT, {ErrorCode::bad_setting, "not a URL"}},
      {CURLE_WEIRD_SERVER_REPLY, {ErrorCode::malformed, "the answer is not HTTP"}},
      {CURLE_UNSUPPORTED_PROTOCOL, {ErrorCode::bad_setting, "only http and https are supported"}},
      {CURLE_OUT_OF_MEMORY, {ErrorCode::failed, "Out of memory"}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.code);
    CHECK(error_of(row.code, 0) == row.error);
  }
}
