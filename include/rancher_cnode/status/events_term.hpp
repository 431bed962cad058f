// Recent events as a term, and read back from it. The schema is docs/status.md. Used by the status server and
// the command `events`. Pure.
#pragma once

#include <cstdint>
#include <span>

#include "rancher_cnode/core/error.hpp"
#include "rancher_cnode/distribution/term.hpp"
#include "rancher_cnode/log/log.hpp"

namespace rancher_cnode::status {

/// Maximum number of events in one answer.
inline constexpr std::int64_t max_events = 1'000;

[[nodiscard]] distribution::TermBytes events_term(const Log::Recent& recent);

/// One of them.
[[nodiscard]] distribution::TermBytes event_term(const LoggedEvent& event);

/// The term is foreign: ErrorCode::malformed unless all of it is as in the schema, so that a line made of it
/// is one line.
[[nodiscard]] Expected<Log::Recent> read_events(std::span<const char> term);

}  // namespace rancher_cnode::status
