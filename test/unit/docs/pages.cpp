#include "pages.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace rancher_cnode::pages {
namespace {

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::string cell;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cell += line[++i];
    } else if (line[i] == '|') {
      cells.push_back(trimmed(cell));
      cell.clear();
    } else {
      cell += line[i];
    }
  }
  return cells;
}

}  // namespace

std::filesystem::path root() { return RANCHER_CNODE_ROOT; }

std::vector<std::filesystem::path> all_pages() {
  const std::set<std::string> others{".git", "build", "_build", "deps", "logs"};
  std::vector<std::filesystem::path> found;
  for (auto entry = std::filesystem::recursive_directory_iterator(root());
       entry != std::filesystem::recursive_directory_iterator(); ++entry) {
    if (entry->is_directory() && others.contains(entry->path().filename().string())) {
      entry.disable_recursion_pending();
    } else if (entry->path().extension() == ".md") {
      found.push_back(entry->path());
    }
  }
  return found;
}

std::string text_of(const std::filesystem::path& path) {
  CAPTURE(path.string());
  std::ifstream file(path);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string page(const std::string& name) { return text_of(root() / "docs" / name); }

std::vector<Row> rows_of(const std::string& markdown) {
  std::vector<Row> rows;
  std::string heading;
  std::istringstream lines(markdown);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) {
      heading = trimmed(line.substr(line.find_first_not_of('#')));
    } else if (line.starts_with("|--")) {
      rows.pop_back();  // the line above was the header
    } else if (line.starts_with('|')) {
      rows.push_back({heading, line, cells_of(line)});
    }
  }
  return rows;
}

std::set<std::string> codes_in(const std::string& cell) { return found_in(cell, std::regex("`([^`]+)`")); }

std::set<std::string> found_in(const std::string& text, const std::regex& pattern) {
  std::set<std::string> found;
  for (std::sregex_iterator next(text.begin(), text.end(), pattern), end; next != end; ++next) {
    found.insert((*next)[1]);
  }
  return found;
}

std::string sources() {
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root() / "c_src")) {
    if (entry.path().extension() == ".cpp") {
      all += text_of(entry.path());
    }
  }
  return all;
}

std::string missing(const std::set<std::string>& from, const std::set<std::string>& known) {
  std::string text;
  for (const auto& word : from) {
    text += known.contains(word) ? "" : word + " ";
  }
  return text;
}

}  // namespace rancher_cnode::pages
