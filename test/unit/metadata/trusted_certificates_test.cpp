#include "rancher_cnode/metadata/trusted_certificates.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "support/unit/temporary_file.hpp"

using rancher_cnode::metadata::TrustedCertificates;
using rancher_cnode::metadata::with_those_of_the_system;

namespace {

class Root {
 public:
  explicit Root(const std::string& file) {
    const std::filesystem::path inside(file.substr(1));
    std::filesystem::create_directories(std::filesystem::path(directory_.path()) / inside.parent_path());
    directory_.file(inside.string(), "a certificate");
  }
  [[nodiscard]] std::string path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("CA certificates are found where distributions keep them") {
  for (const std::string file :
       {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}) {
    CAPTURE(file);
    const Root root(file);
    CHECK(with_those_of_the_system({}, root.path()).file == root.path() + file);
  }
}

TEST_CASE("the directory of the distribution's CA certificates is found too") {
  for (const std::string directory : {"/etc/ssl/certs", "/etc/pki/tls/certs"}) {
    CAPTURE(directory);
    const Root root(directory + "/a.pem");
    CHECK(with_those_of_the_system({}, root.path()) == TrustedCertificates{"", root.path() + directory});
  }
}

TEST_CASE("a named file or directory replaces that of the distribution, not the other") {
  const Root root("/etc/ssl/certs/ca-certificates.crt");
  const std::string found = root.path() + "/etc/ssl/certs";
  CHECK(with_those_of_the_system({"/own.pem", ""}, root.path()) == TrustedCertificates{"/own.pem", found});
  CHECK(with_those_of_the_system({"", "/own"}, root.path()) ==
        TrustedCertificates{found + "/ca-certificates.crt", "/own"});
}

TEST_CASE("nothing is named where there are no CA certificates") {
  const TemporaryDirectory empty;
  CHECK(with_those_of_the_system({}, empty.path()) == TrustedCertificates{});
}
