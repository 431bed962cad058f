#include "rancher_cnode/core/process_stat.hpp"

#include <charconv>
#include <fstream>
#include <string>

namespace rancher_cnode {

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  // pid (name) state ppid ...: fields are numbered from 1, the state is the third, the start the 22nd.
  constexpr int fields_from_state_to_start = 19;
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 3 > text.size()) {
    return std::nullopt;
  }
  text.remove_prefix(name_end + 2);
  ProcessStat stat{.state = text.front()};
  for (int i = 0; i < fields_from_state_to_start; ++i) {
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos) {
      return std::nullopt;
    }
    text.remove_prefix(blank + 1);
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), stat.start);
  return error == std::errc{} ? std::optional(stat) : std::nullopt;
}

std::optional<ProcessStat> process_stat(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  // Not by iterators: they throw where the process ends between the opening and the reading.
  std::string text;
  std::getline(file, text, '\0');
  return parse_process_stat(text);
}

}  // namespace rancher_cnode
