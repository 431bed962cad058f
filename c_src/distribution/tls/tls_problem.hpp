// Why TLS failed, in few words. Used by tls_session.
#pragma once

#include <string>

namespace rancher_cnode::distribution {

/// `whose`: "the peer's certificate"; `verify_result`: an X509_V_ERR_* value.
[[nodiscard]] std::string certificate_problem(const std::string& whose, long verify_result);

enum class TlsRole { client, server };  ///< ours

/// Of an error of OpenSSL (ERR_get_error), which may be an alert: then the other side found the fault.
[[nodiscard]] std::string tls_problem(unsigned long error, TlsRole role);

}  // namespace rancher_cnode::distribution
