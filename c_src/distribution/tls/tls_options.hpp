// The options of TLS, by side, from the settings: files named by them, or the file of -ssl_dist_optfile, or
// the arguments of -ssl_dist_opt. Used by tls_session and the agent. Source: "Using TLS for Erlang
// Distribution" of ssl's user's guide; inet_tls_dist.erl and ssl_dist_sup.erl of OTP 25.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/distribution/tls_warnings.hpp"

namespace rancher_cnode::distribution {

/// Of one role. As server: for accepted connections, as client: for made ones.
struct TlsSide {
  std::string cert_file;  ///< PEM: our certificate and its chain; "" = none
  std::string key_file;   ///< PEM; "" = the key is in cert_file
  std::string ca_file;    ///< PEM: whom to trust; "" = nobody
  Cookie password;        ///< of the key
  TlsVerify verify = TlsVerify::none;
  Switch require_certificate = Switch::off;  ///< server: refuse a client without one
  std::optional<int> depth;                  ///< longest chain between the peer's certificate and its CA
  Switch tls_1_2 = Switch::on;
  Switch tls_1_3 = Switch::on;
};

struct TlsOptions {
  TlsSide server;
  TlsSide client;
  std::vector<std::string> ignored;  ///< options that are not honoured, as "client customize_hostname_check"
};

/// Reads the file, if the settings name one: called for each connection. ErrorCode::unavailable: it cannot be
/// read. ErrorCode::malformed: it is no list of options.
[[nodiscard]] Expected<TlsOptions> tls_options(const TlsSettings& settings);

/// The options in the text of such a file.
[[nodiscard]] Expected<TlsOptions> tls_options_in(std::string_view text);

}  // namespace rancher_cnode::distribution
