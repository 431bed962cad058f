// TLS over one non-blocking socket, by OpenSSL: the same object during the handshake on its thread and
// afterwards on the loop, never on both at once. It waits for nothing: who uses it waits for the socket. Used
// by handshake_socket and connection.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "distribution/tls/tls_options.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::distribution {

enum class TlsStatus {
  done,
  wait_readable,  ///< again, with the same arguments, once the socket is readable
  wait_writable,  ///< the same, writable
  closed,         ///< by the other side
  failed,         ///< see problem()
};

struct TlsResult {
  TlsStatus status = TlsStatus::failed;
  std::size_t size = 0;  ///< bytes that were read or written
};

class TlsSession {
 public:
  /// Reads certificate, key and CAs again. As client, the certificate of the other side must be for `host`,
  /// the address in its node name, if it is verified. ErrorCode::unavailable: a file cannot be read or used;
  /// the message names it.
  [[nodiscard]] static Expected<std::shared_ptr<TlsSession>> client(const TlsSide& options,
                                                                    const std::string& host);
  [[nodiscard]] static Expected<std::shared_ptr<TlsSession>> server(const TlsSide& options);

  /// What the other side finds, if it trusts the same CAs: an X509_V_ERR_* value. `own_host`: the address in
  /// our node name. Needs a certificate.
  [[nodiscard]] long own_verify_result(const std::string& own_host) const;

  /// Must be called before anything else, and again if the connection gets another descriptor.
  void use(int fd);
  [[nodiscard]] TlsStatus handshake();
  [[nodiscard]] TlsResult read(std::span<char> buffer);
  /// May write only a part.
  [[nodiscard]] TlsResult write(std::span<const char> bytes);
  /// The other side has closed the connection, and nothing is left to read.
  [[nodiscard]] bool has_ended();
  /// Announces the end to the other side, if the socket takes it without blocking.
  void announce_end();

  /// Why it failed, as few words as possible: "expired certificate".
  [[nodiscard]] const std::string& problem() const { return problem_; }

  class Native;
  explicit TlsSession(std::unique_ptr<Native> native);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

 private:
  TlsStatus status_after(int result);

  std::unique_ptr<Native> native_;
  std::string problem_;
};

}  // namespace rancher_cnode::distribution
