// What is wrong with the settings of TLS, for people. Used by handshake_pools when the node starts, and by
// doctor.
#pragma once

#include <string>
#include <vector>

#include "rancher_cnode/config/config.hpp"

namespace rancher_cnode::distribution {

/// One line for each: files that cannot be read or used, options that are not honoured, a key that everybody
/// can read, a certificate of ours that its own CA file, the time or `own_host`, the address in our node
/// name, contradicts. Blocks while it reads files.
[[nodiscard]] std::vector<std::string> tls_warnings(const TlsSettings& settings, const std::string& own_host);

}  // namespace rancher_cnode::distribution
