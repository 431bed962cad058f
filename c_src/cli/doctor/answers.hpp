// Reads the answers of BEAMs. Each returns nothing, or nothing of what cannot be read. Pure. Used by collect.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rancher_cnode::cli::doctor {

inline constexpr std::string_view rancher_strategy = "Elixir.Cluster.Strategy.Rancher";

/// erlang:system_info(otp_release): "25".
[[nodiscard]] std::optional<std::string> release_in(std::span<const char> term);
/// application:get_env/2 of an atom: "true", "false"; "" for undefined.
[[nodiscard]] std::optional<std::string> setting_in(std::span<const char> term);
/// net_kernel:get_net_ticktime/0, in seconds; the new one while it changes.
[[nodiscard]] std::optional<std::int64_t> ticktime_in(std::span<const char> term);
/// A list of atoms.
[[nodiscard]] std::vector<std::string> atoms_in(std::span<const char> term);
/// application:which_applications/0.
[[nodiscard]] std::optional<std::vector<std::string>> applications_in(std::span<const char> term);
/// Whether the atom is anywhere in the term.
[[nodiscard]] bool contains_atom(std::span<const char> term, std::string_view name);

}  // namespace rancher_cnode::cli::doctor
