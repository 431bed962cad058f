// The state of a process by /proc/PID/stat (proc(5)). Used where there is no pidfd.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace rancher_cnode {

struct ProcessStat {
  char state = '?';
  std::uint64_t start = 0;  ///< in clock ticks after boot; together with the PID it identifies the process

  /// True also for a zombie, which has ended and waits for its exit status to be collected.
  [[nodiscard]] bool has_ended() const { return state == 'Z' || state == 'X'; }
  friend bool operator==(const ProcessStat&, const ProcessStat&) = default;
};

/// Nothing if the text has another format. The program's name in it may contain blanks and parentheses.
[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// Nothing if there is no such process, or no /proc.
[[nodiscard]] std::optional<ProcessStat> process_stat(pid_t pid);

}  // namespace rancher_cnode
