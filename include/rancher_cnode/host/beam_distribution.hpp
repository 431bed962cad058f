// How the BEAMs of a service are reached: by the settings, and what they leave open as the BEAM beside us was
// started. Used by agent and cli.
#pragma once

#include <cstdint>
#include <optional>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/host/process_table.hpp"

namespace rancher_cnode::host {

struct Distribution {
  ProtoDist protocol = ProtoDist::inet_tcp;
  TlsSettings tls;
  friend bool operator==(const Distribution&, const Distribution&) = default;
};

/// Where the BEAM has another root than we, its files must be at the same paths in ours.
[[nodiscard]] Distribution distribution_of(const Beam& beam, const Config& config);

/// The distribution port of all BEAMs; nothing: they use epmd.
[[nodiscard]] std::optional<std::uint16_t> dist_port_of(const Beam& beam, const Config& config);

}  // namespace rancher_cnode::host
