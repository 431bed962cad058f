#include "rancher_cnode/config/suggestion.hpp"

#include <algorithm>

namespace rancher_cnode::config {
namespace {

constexpr std::size_t longest_name = 64;

/// Optimal string alignment: https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cells(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cells[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = cells[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cells[i][j] = std::min({cells[i - 1][j] + 1, cells[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cells[i][j] = std::min(cells[i][j], cells[i - 2][j - 2] + 1);
      }
    }
  }
  return cells[a.size()][b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known,
                         std::string_view prefix) {
  if (word.size() > longest_name) {
    return "";
  }
  const std::string* nearest = nullptr;
  std::size_t least = 3;
  for (const std::string& name : known) {
    const std::size_t far = distance(word, name);
    if (far != 0 && far < least && far * 4 <= std::max<std::size_t>(word.size(), 4)) {
      nearest = &name;
      least = far;
    }
  }
  return nearest == nullptr ? "" : "; did you mean '" + std::string(prefix) + *nearest + "'?";
}

}  // namespace rancher_cnode::config
