// GET requests by libcurl, one at a time, with deadlines, cancelled at once on request. Used by
// metadata_client on the watcher's thread.
//
// Connections are kept alive between requests. A kept-alive connection that died before the first byte of the
// answer is replaced by a new one within the same deadline, unless the request forbids it. Redirects are not
// followed, proxies from the environment are not used, and only http and https over IPv4 are supported, as on
// Rancher's networks. Addresses are cached for 5 s.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "metadata/byte_source.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/metadata/trusted_certificates.hpp"

namespace rancher_cnode::metadata {

/// The largest accepted body: 20,000 containers.
inline constexpr std::size_t max_body_bytes = 32U << 20U;

/// Asked on the requesting thread before each wait and after each wake(): true ends the request with
/// ErrorCode::cancelled. Empty means never.
using GiveUp = std::function<bool()>;

/// Timeouts of the stages of a request.
struct Timeouts {
  Milliseconds lookup{1'000};   ///< of the host's name
  Milliseconds connect{1'000};  ///< after that, TLS included
  Milliseconds answer{5'000};   ///< from the sending of the request to the last byte of the body
};

/// Whether a request that was lost with a dying kept-alive connection is sent again on a new one.
enum class Resend { yes, no };

struct HttpRequest {
  std::string url;
  Timeouts timeouts = {};
  std::size_t body_limit = max_body_bytes;
  GiveUp give_up = {};
  Resend resend = Resend::yes;
};

/// One answer whose body is still to be read. Used on its client's thread and destroyed before it; if it is
/// destroyed before the end of its body, the connection is closed.
class HttpAnswer final : public ByteSource {
 public:
  ~HttpAnswer() override;
  HttpAnswer(HttpAnswer&&) noexcept;
  HttpAnswer& operator=(HttpAnswer&&) noexcept;

  /// The HTTP status.
  [[nodiscard]] int status() const;

  /// Failures are those of HttpClient::get, and too_large.
  [[nodiscard]] Expected<std::string_view> next() override;

 private:
  friend class HttpClient;
  class Transfer;
  explicit HttpAnswer(std::unique_ptr<Transfer> transfer);

  std::unique_ptr<Transfer> transfer_;
};

/// Percent-encodes all but the unreserved characters of RFC 3986 section 2.3: for one segment of a path or
/// one value of a query.
[[nodiscard]] std::string url_escaped(std::string_view text);

class HttpClient {
 public:
  /// `trusted` is completed by the certificates of the system.
  explicit HttpClient(TrustedCertificates trusted = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Sends `GET url` with `Accept: application/json` and returns once the first byte of the body or its end
  /// is there. Any status is an answer. Failures: bad_setting (a URL that cannot be used), unavailable (name,
  /// connect, TLS, connection lost), timeout, malformed (not HTTP), cancelled, too_large, failed. The message
  /// describes the failure in words, without the URL.
  [[nodiscard]] Expected<HttpAnswer> get(HttpRequest request);

  /// Makes a running request ask its give_up at once. Any thread; never blocks.
  void wake() noexcept;

 private:
  class Connections;
  std::unique_ptr<Connections> connections_;
};

}  // namespace rancher_cnode::metadata
