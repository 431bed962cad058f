// The text of one log line, without its time and level. Used by Log.
#pragma once

#include <climits>
#include <cstddef>
#include <string>
#include <string_view>

#include "rancher_cnode/log.hpp"

namespace rancher_cnode {

/// The longest line, its end included: one write of it to a pipe is never torn apart (POSIX, write).
inline constexpr std::size_t max_log_line = PIPE_BUF;

/// Event, message and fields, escaped so that no value can end the line, close its quotes or drive a terminal.
/// With time and level it fits into max_log_line: where it would not, message and values are cut to the length
/// that fits, and end in "...".
[[nodiscard]] std::string log_body(LogFormat format, std::string_view event, std::string_view message,
                                   Log::Fields fields);

}  // namespace rancher_cnode
