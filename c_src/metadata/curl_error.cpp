#include "metadata/curl_error.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace rancher_cnode::metadata {
namespace {

curl_off_t info(CURL* easy, CURLINFO what) {
  curl_off_t value = 0;
  curl_easy_getinfo(easy, what, &value);
  return value;
}

Error connect_error(CURL* easy) {
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  switch (number) {
    case ECONNREFUSED:
      return {ErrorCode::unavailable, "connection refused"};
    case ENETUNREACH:
    case EHOSTUNREACH:
      return {ErrorCode::unavailable, "no route to the host"};
    case 0:
      return {ErrorCode::unavailable, "no connection"};
    default:
      return {ErrorCode::unavailable,
              "no connection: " + std::generic_category().message(static_cast<int>(number))};
  }
}

Error timeout_error(CURL* easy, const TransferFacts& facts) {
  const auto within = [](Milliseconds timeout) {
    return " within " + std::to_string(timeout.count()) + " ms";
  };
  std::string words;
  if (info(easy, CURLINFO_NAMELOOKUP_TIME_T) == 0) {
    words = "the name server does not answer" + within(facts.timeouts.lookup);
  } else if (info(easy, CURLINFO_CONNECT_TIME_T) == 0) {
    words = "no connection" + within(facts.timeouts.connect);
  } else if (facts.received == 0) {
    words = "connected, but no answer" + within(facts.timeouts.answer);
  } else {
    words = "the answer did not end" + within(facts.timeouts.answer);
  }
  return {ErrorCode::timeout, std::move(words)};
}

/// The connection was lost after the request had been sent.
Error lost_error(const TransferFacts& facts) {
  const char* const where = facts.received > 0 ? "in the middle of the answer" : "without an answer";
  return {ErrorCode::unavailable, std::string("connection closed ") + where};
}

}  // namespace

Error curl_error(CURL* easy, CURLcode code, const TransferFacts& facts) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return {ErrorCode::unavailable, "the name does not resolve"};
    case CURLE_COULDNT_CONNECT:
      return connect_error(easy);
    case CURLE_OPERATION_TIMEDOUT:
      return timeout_error(easy, facts);
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_ABORTED_BY_CALLBACK:  // the request would have been sent again, see Resend
      return lost_error(facts);
    case CURLE_SSL_CONNECT_ERROR:
      return {ErrorCode::unavailable, "the TLS handshake failed"};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {ErrorCode::unavailable, "the server's certificate is not trusted"};
    case CURLE_SSL_CACERT_BADFILE:
      return {ErrorCode::failed, "the CA certificates cannot be read"};
    case CURLE_URL_MALFORMAT:
      return {ErrorCode::bad_setting, "not a URL"};
    case CURLE_WEIRD_SERVER_REPLY:
      return {ErrorCode::malformed, "the answer is not HTTP"};
    case CURLE_UNSUPPORTED_PROTOCOL:
      // libcurl's code both for a scheme that is not allowed and for an answer that is not HTTP/1.
      if (info(easy, CURLINFO_CONNECT_TIME_T) != 0) {
        return {ErrorCode::malformed, "the answer is not HTTP"};
      }
      return {ErrorCode::bad_setting, "only http and https are supported"};
    default:
      return {ErrorCode::failed, curl_easy_strerror(code)};
  }
}

}  // namespace rancher_cnode::metadata
