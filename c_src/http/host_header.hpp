// Which Host header fields are answered, against DNS rebinding: a page of an attacker, open in a browser that
// reaches this port, may give its own name our address, and would then read our answers as its own. It needs
// a name in a public domain for that. Used by Server. Pure.
#pragma once

#include <string_view>

namespace rancher_cnode::http {

/// True for an address, and for a name that nobody can own in public DNS: of one label (localhost, myapp), or
/// below .internal (Rancher's own DNS), .local or .localhost. A port may follow.
[[nodiscard]] bool is_local_host(std::string_view host);

}  // namespace rancher_cnode::http
