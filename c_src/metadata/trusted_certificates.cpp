#include "rancher_cnode/metadata/trusted_certificates.hpp"

#include <unistd.h>

#include <array>
#include <span>

namespace rancher_cnode::metadata {
namespace {

constexpr std::array files = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Alpine with ca-certificates, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",                             // openSUSE
    "/etc/ssl/cert.pem",                                  // Alpine
};
constexpr std::array directories = {"/etc/ssl/certs", "/etc/pki/tls/certs"};

std::string first_readable(std::span<const char* const> paths, const std::string& root) {
  for (const char* const path : paths) {
    if (std::string found = root + path; ::access(found.c_str(), R_OK) == 0) {
      return found;
    }
  }
  return {};
}

}  // namespace

TrustedCertificates with_those_of_the_system(TrustedCertificates named, const std::string& root) {
  if (named.file.empty()) {
    named.file = first_readable(files, root);
  }
  if (named.directory.empty()) {
    named.directory = first_readable(directories, root);
  }
  return named;
}

}  // namespace rancher_cnode::metadata
