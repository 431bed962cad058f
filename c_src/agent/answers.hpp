// Interprets the answers of BEAMs and epmds for the reconciler and for people. Pure. Used by Target,
// TargetConnection and node_calls.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/core/node_name.hpp"
#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/distribution/remote_call.hpp"
#include "rancher_cnode/reconciler/reconciler.hpp"

namespace rancher_cnode::agent {

/// For the result of distribution::peer_port.
[[nodiscard]] reconciler::ProbeOutcome probe_outcome(const Expected<std::uint16_t>& port, ProbeMode probe);

/// For the result of net_kernel:connect_node/1, or of the --connect function: true, false or ignored.
/// `took`: a refusal comes at once, while net_kernel gives a silent peer net_setuptime (7 s).
[[nodiscard]] reconciler::DialOutcome dial_outcome(const distribution::CallResult& result, Duration took);

/// A list of node names. Names that are not valid here are skipped: nothing is done about them anyway.
/// ErrorCode::malformed if it is not a list of atoms.
[[nodiscard]] Expected<std::vector<NodeName>> node_names(std::span<const char> term);

/// Why a BEAM could not be connected.
enum class Absence {
  /// Not there: normal while a release boots. Or busy with an older connection of ours, or the network
  /// failed.
  awaited,
  refused,  ///< it is there and refuses
  /// It is there, the kernel accepts the connection, and nothing answers: stopped, or swapping.
  unresponsive,
};
[[nodiscard]] Absence absence_of(const distribution::ConnectFailure& failed);

/// The process that was there has ended: a later answer comes from another one.
[[nodiscard]] bool is_gone(const distribution::ConnectFailure& failed);

/// Two failures of one kind are logged once: a dead host is sometimes unreachable, sometimes silent.
[[nodiscard]] std::string kind_of(const distribution::ConnectFailure& failed);

/// Whether a node's global disconnects its peers when one of them loses a connection ("prevention of
/// overlapping partitions"), from the answers to application:get_env(kernel, prevent_overlapping_partitions)
/// and erlang:system_info(otp_release). Without the setting it is on from OTP 25 on. True when in doubt.
[[nodiscard]] bool prevents_partitions(std::span<const char> setting, std::span<const char> otp_release);

}  // namespace rancher_cnode::agent
