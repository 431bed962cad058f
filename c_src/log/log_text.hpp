// The text of one log line, without its time and level. Used by log_line.
#pragma once

#include <climits>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rancher_cnode/log/logged_event.hpp"

namespace rancher_cnode {

/// The longest line, including its end: a single write of it to a pipe is atomic (POSIX, write).
inline constexpr std::size_t max_log_line = PIPE_BUF;

/// Event, message and fields, escaped so that no value can end the line, close its quotes or control a
/// terminal. Message and values are cut, ending in "...", so that the line with time and level fits into
/// max_log_line.
[[nodiscard]] std::string log_body(LogFormat format, std::string_view event, std::string_view message,
                                   const std::vector<LogField>& fields);

}  // namespace rancher_cnode
