// Times and next steps in words, as the table and the page show them. Pure.
#pragma once

#include <optional>
#include <string>

#include "rancher_cnode/core/clock.hpp"
#include "rancher_cnode/status/report.hpp"

namespace rancher_cnode::status {

/// Two units at most: "450 ms", "12 s", "3 min", "2 h 5 min", "4 d 3 h"; "-" if there is none.
[[nodiscard]] std::string for_people(const std::optional<Milliseconds>& time);

/// Foreign text, printable and cut.
[[nodiscard]] std::string shown(const std::string& text);

/// Version and build of the program.
[[nodiscard]] std::string version_of(const Report& report);

/// Of the C-node.
[[nodiscard]] std::string name_of_cnode(const Report& report);

/// When the last authoritative answer was; the last answer if there was none.
[[nodiscard]] std::string authoritative_answer(const Report::Metadata& metadata);

/// The name of a peer, and what distinguishes it from others: the service and the target, if there are
/// several.
[[nodiscard]] std::string name_of(const Report& report, const Report::Peer& peer);

/// What the C-node does next about a peer; the states are those of docs/status.md. Empty if nothing.
[[nodiscard]] std::string next_step(const Report::Peer& peer);

}  // namespace rancher_cnode::status
