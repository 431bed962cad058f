// The CA certificates that a metadata service's https certificate is checked against. Used by http_client.
#pragma once

#include <string>

namespace rancher_cnode::metadata {

/// As OpenSSL and Go: the certificates of both are trusted, and naming one leaves the other as it is.
struct TrustedCertificates {
  std::string file;       ///< PEM; "" = not named
  std::string directory;  ///< files named by hash, as c_rehash makes them; several with colons between; "" =
                          ///< not named
  friend bool operator==(const TrustedCertificates&, const TrustedCertificates&) = default;
};

/// `named`, with what it does not name from where a distribution keeps it: Debian, Alpine, Fedora or
/// openSUSE. "" stays "" where nothing is found. libcurl knows only the place of the distribution that it was
/// built on, and a portable build of it knows none. `root` is prepended to the places.
[[nodiscard]] TrustedCertificates with_those_of_the_system(TrustedCertificates named,
                                                           const std::string& root = "");

}  // namespace rancher_cnode::metadata
