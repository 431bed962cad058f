#include "rancher_cnode/distribution/tls_warnings.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "certificates.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::distribution;
using namespace rancher_cnode::distribution::test;

namespace {

/// For which good.pem is.
const std::string own_host = "127.0.0.1";

}  // namespace

TEST_CASE("a certificate of ours that others will refuse is named") {
  const struct {
    const char* name;
    const char* problem;
  } rows[] = {{"expired", "expired"},
              {"self_signed", "self-signed"},
              {"foreign", "of another CA"},
              {"other_host", "for another host"}};
  for (const auto& row : rows) {
    CAPTURE(row.name);
    auto settings = tls_with(row.name);
    const std::vector<std::string> named{"our certificate in " + settings.cert_file + " is " + row.problem};
    CHECK(tls_warnings(settings, own_host) == named);
    settings.verify = TlsVerify::none;
    CHECK(tls_warnings(settings, own_host).empty());
  }
  CHECK(tls_warnings(tls_with("good"), "10.42.0.7").front().ends_with(" is for another host"));
}

TEST_CASE("what is no regular file is named without waiting for it, as each file of TLS") {
  const TemporaryDirectory folder;
  const auto fifo = folder.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const struct {
    std::string TlsSettings::*file;
    const char* what;
  } rows[] = {{&TlsSettings::cert_file, "certificate"},
              {&TlsSettings::key_file, "key"},
              {&TlsSettings::ca_file, "CA certificates"}};
  for (const auto& row : rows) {
    CAPTURE(row.what);
    auto settings = tls_with("good");
    settings.*row.file = fifo;
    CHECK(tls_warnings(settings, own_host) ==
          std::vector<std::string>{"cannot use the " + std::string(row.what) + " in " + fifo +
                                   ": not a regular file"});
  }
  TlsSettings options;
  options.optfile = fifo;
  CHECK(tls_warnings(options, own_host) == std::vector<std::string>{fifo + ": not a regular file"});
}

TEST_CASE("a file of TLS that is empty, has other contents or is cut off is named with the reason") {
  const TemporaryDirectory folder;
  const auto cut = [&](const std::string& name) {
    std::ifstream from(certificates() + name);
    const std::string text{std::istreambuf_iterator<char>(from), {}};
    return folder.file("cut_" + name, text.substr(0, text.size() / 2));
  };
  const std::string empty = folder.file("empty", "");
  const std::string large = folder.file("large", std::string((std::size_t{4} << 20U) + 1, ' '));
  const struct {
    std::string TlsSettings::*file;
    std::string path;
    const char* reason;
  } rows[] = {{&TlsSettings::cert_file, empty, "no start line"},
              {&TlsSettings::cert_file, certificates() + "key.pem", "no start line"},
              {&TlsSettings::cert_file, cut("good.pem"), "bad end line"},
              {&TlsSettings::cert_file, large, "the file is larger than 4194304 bytes"},
              {&TlsSettings::key_file, certificates() + "good.pem", "unsupported"},
              {&TlsSettings::key_file, cut("key.pem"), "unsupported"},
              {&TlsSettings::ca_file, empty, "no start line"},
              {&TlsSettings::ca_file, cut("ca.pem"), "bad end line"}};
  for (const auto& row : rows) {
    CAPTURE(row.path);
    auto settings = tls_with("good");
    settings.*row.file = row.path;
    const auto warnings = tls_warnings(settings, own_host);
    REQUIRE_FALSE(warnings.empty());
    CAPTURE(warnings.back());
    CHECK(warnings.back().ends_with(" in " + row.path + ": " + row.reason));
  }
}

TEST_CASE("the files of each side are checked") {
  const TemporaryDirectory folder;
  const std::string none = "{certfile, \"" + folder.path() + "/none\"}";
  const std::vector<std::string> missing{"cannot use the certificate in " + folder.path() +
                                         "/none: no such file"};
  CHECK(tls_warnings(optfile(folder, "server", none, pair_of_files()), own_host) == missing);
  CHECK(tls_warnings(optfile(folder, "client", pair_of_files(), none), own_host) == missing);
  CHECK(tls_warnings(optfile(folder, "both", none, none), own_host) == missing);
}

TEST_CASE("settings of TLS that are not as they should be are reported") {
  const TemporaryDirectory folder;
  CHECK(tls_warnings(tls_with("good"), own_host).empty());
  const auto ignored = optfile(folder, "opts", pair_of_files() + ", {ciphers, []}", "{crl_check, true}");
  CHECK(tls_warnings(ignored, own_host) ==
        std::vector<std::string>{"options of TLS that are not honoured: server ciphers, client crl_check"});
  auto exposed = tls_with("good");
  std::ifstream key(certificates() + "key.pem");
  exposed.key_file = folder.file("key.pem", {std::istreambuf_iterator<char>(key), {}});
  std::filesystem::permissions(exposed.key_file, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  CHECK(tls_warnings(exposed, own_host) ==
        std::vector<std::string>{"every user can read the key in " + exposed.key_file});
  CHECK(tls_warnings({}, own_host) ==
        std::vector<std::string>{"no certificate: --tls-cert-file or --ssl-dist-optfile"});
}
