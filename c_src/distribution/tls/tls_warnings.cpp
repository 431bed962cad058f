#include "rancher_cnode/distribution/tls_warnings.hpp"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <filesystem>
#include <system_error>
#include <utility>

#include "distribution/tls/tls_options.hpp"
#include "distribution/tls/tls_problem.hpp"
#include "distribution/tls/tls_session.hpp"

namespace rancher_cnode::distribution {
namespace {

/// "" if nothing is wrong, or if nobody looks: the peers have most likely the same options.
std::string own_certificate_problem(const TlsSession& session, const TlsSide& side,
                                    const std::string& own_host) {
  if (side.cert_file.empty() || side.ca_file.empty() || side.verify == TlsVerify::none) {
    return "";
  }
  const long result = session.own_verify_result(own_host);
  return result == X509_V_OK ? "" : certificate_problem("our certificate in " + side.cert_file, result);
}

}  // namespace

std::vector<std::string> tls_warnings(const TlsSettings& settings, const std::string& own_host) {
  const auto options = tls_options(settings);
  if (!options) {
    return {options.error().message};
  }
  std::vector<std::string> warnings;
  if (!options->ignored.empty()) {
    warnings.push_back("options of TLS that are not honoured: " +
                       boost::algorithm::join(options->ignored, ", "));
  }
  std::string last_key;
  for (const TlsSide* side : {&options->server, &options->client}) {
    const std::string& key = side->key_file.empty() ? side->cert_file : side->key_file;
    std::error_code error;
    const auto mode = std::filesystem::status(key, error).permissions();
    constexpr auto by_others = std::filesystem::perms::others_read;
    if (!error && mode != std::filesystem::perms::unknown && (mode & by_others) == by_others &&
        std::exchange(last_key, key) != key) {
      warnings.push_back("every user can read the key in " + key);
    }
  }
  const auto warn = [&warnings](const std::string& text) {
    if (!text.empty() && std::ranges::find(warnings, text) == warnings.end()) {
      warnings.push_back(text);
    }
  };
  const auto check = [&](const Expected<std::shared_ptr<TlsSession>>& session, const TlsSide& side) {
    warn(session ? own_certificate_problem(**session, side, own_host) : session.error().message);
  };
  check(TlsSession::server(options->server), options->server);
  check(TlsSession::client(options->client, ""), options->client);
  return warnings;
}

}  // namespace rancher_cnode::distribution
