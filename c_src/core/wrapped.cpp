#include "rancher_cnode/core/wrapped.hpp"

#include <algorithm>

namespace rancher_cnode {

std::size_t columns_of(std::string_view line) {
  std::size_t columns = 0;
  bool in_sequence = false;
  for (const char c : line) {
    if (c == '\x1b') {
      in_sequence = true;
    } else if (in_sequence) {
      in_sequence = c != 'm';
    } else {
      columns += (static_cast<unsigned char>(c) & 0xc0U) == 0x80U ? 0 : 1;
    }
  }
  return columns;
}

std::string wrapped(std::string_view line, std::size_t width, std::size_t indent) {
  constexpr std::size_t least_text = 20;
  constexpr std::size_t least_indent = 2;
  if (columns_of(line) <= width) {
    return std::string(line);
  }
  const std::size_t margin = width < indent + least_text ? std::min(indent, least_indent) : indent;
  std::string text;
  std::size_t used = 0;
  while (!line.empty()) {
    const std::size_t blanks = std::min(line.find_first_not_of(' '), line.size());
    const std::string_view word = line.substr(blanks, line.find(' ', blanks) - blanks);
    const std::size_t columns = columns_of(word);
    if (used + blanks > margin && used + blanks + columns > width && used > 0) {
      text += "\n" + std::string(margin, ' ');
      used = margin;
    } else {
      text += line.substr(0, blanks);
      used += blanks;
    }
    text += word;
    used += columns;
    line.remove_prefix(blanks + word.size());
  }
  return text;
}

}  // namespace rancher_cnode
