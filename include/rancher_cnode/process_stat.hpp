// What the kernel tells of a process in /proc/PID/stat (proc(5)). Used where there is no pidfd to wait for one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace rancher_cnode {

struct ProcessStat {
  char state = '?';
  std::uint64_t start = 0;  ///< in clock ticks after boot; with the PID it tells one process from a later one

  /// True also for a zombie, which has ended and only waits to be asked for its exit status.
  [[nodiscard]] bool has_ended() const { return state == 'Z' || state == 'X'; }
  friend bool operator==(const ProcessStat&, const ProcessStat&) = default;
};

/// Nothing if the text is not of that form. The program's name in it may hold blanks and parentheses.
[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// Nothing if there is no such process, or no /proc that tells.
[[nodiscard]] std::optional<ProcessStat> process_stat(pid_t pid);

}  // namespace rancher_cnode
