// Certificates for the tests of TLS, made once per program by test/support/tls/certificates.
#pragma once

#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "rancher_cnode/config/config.hpp"
#include "support/unit/temporary_file.hpp"

namespace rancher_cnode::distribution::test {

inline const std::string& certificates() {
  static const TemporaryDirectory folder;
  static const std::string path = [] {
    std::signal(SIGPIPE, SIG_IGN);  // as the program does: OpenSSL writes to a closed socket
    const std::string command =
        std::string(RANCHER_CNODE_CERTIFICATES) + " '" + folder.path() + "' 127.0.0.1";
    REQUIRE(std::system(command.c_str()) == 0);
    return folder.path() + "/";
  }();
  return path;
}

/// Mutual authentication with the certificate of this name.
inline TlsSettings tls_with(const std::string& certificate) {
  TlsSettings settings;
  settings.cert_file = certificates() + certificate + ".pem";
  settings.key_file = certificates() + "key.pem";
  settings.ca_file = certificates() + "ca.pem";
  return settings;
}

/// Options as a BEAM has them, with one certificate for both roles.
inline TlsSettings optfile(const TemporaryDirectory& folder, const std::string& name,
                           const std::string& server, const std::string& client) {
  TlsSettings settings;
  settings.optfile = folder.file(name, "[{server, [" + server + "]}, {client, [" + client + "]}].");
  return settings;
}

inline std::string pair_of_files() {
  return "{certfile, \"" + certificates() + "good.pem\"}, {keyfile, \"" + certificates() + "key.pem\"}";
}

}  // namespace rancher_cnode::distribution::test
