// What the answers of BEAMs and epmds mean to the reconciler and to people. Pure. Used by Target, TargetLink
// and leave.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rancher_cnode/distribution/connections.hpp"
#include "rancher_cnode/distribution/remote_call.hpp"
#include "rancher_cnode/error.hpp"
#include "rancher_cnode/membership/reconciler.hpp"
#include "rancher_cnode/node_name.hpp"

namespace rancher_cnode::agent {

/// Of distribution::epmd_port.
[[nodiscard]] membership::ProbeOutcome probe_outcome(const Expected<std::uint16_t>& port);

/// Of net_kernel:connect_node/1, or of what --connect names: true, false or ignored.
/// `took`: a refusal comes at once, while net_kernel gives a silent peer net_setuptime (7 s).
[[nodiscard]] membership::DialOutcome dial_outcome(const distribution::CallResult& result, Duration took);

/// A list of node names. Names that we would not use ourselves are left out: nothing is done about them
/// anyway. ErrorCode::malformed if it is no list of atoms.
[[nodiscard]] Expected<std::vector<NodeName>> node_names(std::span<const char> term);

/// Why a BEAM could not be linked.
enum class Absence {
  awaited,  ///< nobody there: normal life while a release boots
  refuses,  ///< it is there and says no
  /// It is there, the kernel takes the connection, and nobody says anything: stopped, or swapping.
  not_responding,
};
[[nodiscard]] Absence absence_of(const distribution::ConnectFailure& failed);

/// The process that was there is gone: whatever answers later is another one.
[[nodiscard]] bool is_gone(const distribution::ConnectFailure& failed);

/// Two failures with one kind are told once: a dead host is now unreachable, now silent.
[[nodiscard]] std::string kind_of(const distribution::ConnectFailure& failed);

/// Whether a node's global cuts off its peers when one of them loses a link ("prevention of overlapping
/// partitions"), from the answers to application:get_env(kernel, prevent_overlapping_partitions) and
/// erlang:system_info(otp_release). Without the setting it is on from OTP 25 on. When in doubt, yes.
[[nodiscard]] bool prevents_partitions(std::span<const char> setting, std::span<const char> otp_release);

}  // namespace rancher_cnode::agent
