#include "rancher_cnode/core/process_stat.hpp"

#include <charconv>
#include <fstream>
#include <string>

namespace rancher_cnode {

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  // pid (name) state ppid ...: fields are numbered from 1, the state is the third, the start the 22nd.
  constexpr int state_field = 3;
  constexpr int parent_field = 4;
  constexpr int start_field = 22;
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 3 > text.size()) {
    return std::nullopt;
  }
  text.remove_prefix(name_end + 2);
  ProcessStat stat{.state = text.front()};
  const auto take = [&](auto& number) {
    return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{};
  };
  for (int field = state_field + 1; field <= start_field; ++field) {
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos) {
      return std::nullopt;
    }
    text.remove_prefix(blank + 1);
    if (field == parent_field && !take(stat.parent)) {
      return std::nullopt;
    }
  }
  return take(stat.start) ? std::optional(stat) : std::nullopt;
}

std::optional<ProcessStat> process_stat(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  // Not by iterators: they throw where the process ends between the opening and the reading.
  std::string text;
  std::getline(file, text, '\0');
  return parse_process_stat(text);
}

}  // namespace rancher_cnode
