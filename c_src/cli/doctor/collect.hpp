// Collects the facts for the checks of the command `doctor`. Blocks.
//
// It only reads, and asks: the BEAMs are connected by one hidden node of a fixed name, so that a BEAM keeps
// one atom however often it is asked, and no BEAM dials another.
#pragma once

#include <string>
#include <vector>

#include "cli/doctor/facts.hpp"
#include "cli/texts.hpp"
#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::cli::doctor {

/// All that can be found out before `deadline`; it ends a second after that at the latest.
[[nodiscard]] Facts collect(const Config& config, std::vector<SettingInEffect> settings,
                            std::vector<std::string> warnings, TimePoint deadline, const Log& log);

// The parts.

/// Interfaces, processes and the cookie. At once.
void collect_here(Facts& facts);
/// The metadata, each URL on a thread of its own.
void collect_metadata(Facts& facts, TimePoint deadline);
/// The address that the further checks use: that of the settings if it is here, of the metadata, of the BEAM,
/// the only one.
[[nodiscard]] std::optional<Ipv4Address> usable_address(const Facts& facts);
/// epmd, whoever has our name, the BEAM, then the peers.
void collect_nodes(Facts& facts, TimePoint deadline, const Log& log);

/// The config as the C-node would complete it: with the address and the cookie that were found.
[[nodiscard]] Config completed(const Facts& facts);

/// The ports of listening sockets at `address` or any address, in the format of /proc/net/tcp or tcp6
/// (proc(5)). Pure.
[[nodiscard]] std::vector<std::uint16_t> listening_ports(std::string_view table, Ipv4Address address);

}  // namespace rancher_cnode::cli::doctor
