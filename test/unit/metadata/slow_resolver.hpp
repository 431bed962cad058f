// A name server that takes its time: in this program getaddrinfo answers for names below .slow.test after the
// milliseconds that the name begins with (300.slow.test), with 127.0.0.1.
#pragma once

namespace rancher_cnode::testing {

/// How many of these names have been looked up so far.
[[nodiscard]] int slow_lookups();

}  // namespace rancher_cnode::testing
