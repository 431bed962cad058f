// Links of all pages: a file or heading that is gone is found here, not by a reader.
#include <doctest/doctest.h>

#include <cctype>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "pages.hpp"

using namespace rancher_cnode;
namespace fs = std::filesystem;

namespace {

/// As GitHub names a heading: lower case, blanks as dashes, other punctuation dropped.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto character = static_cast<unsigned char>(c);
    if (std::isalnum(character) != 0 || c == '-' || c == '_') {
      anchor += static_cast<char>(std::tolower(character));
    } else if (c == ' ') {
      anchor += '-';
    }
  }
  return anchor;
}

std::set<std::string> anchors_of(const fs::path& path) {
  std::set<std::string> anchors;
  std::istringstream lines(pages::text_of(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) {
      anchors.insert(anchor_of(line.substr(line.find(' ') + 1)));
    }
  }
  return anchors;
}

/// Targets of [text](target), without those on other hosts.
std::set<std::string> relative_links_of(const fs::path& path) {
  std::set<std::string> links;
  for (const auto& link : pages::found_in(pages::text_of(path), std::regex(R"(\]\(([^)\s]+)\))"))) {
    if (link.find("://") == std::string::npos) {
      links.insert(link);
    }
  }
  return links;
}

}  // namespace

TEST_CASE("every relative link leads to a file, and its anchor to a heading") {
  std::size_t links = 0;
  for (const auto& path : pages::all_pages()) {
    for (const auto& link : relative_links_of(path)) {
      ++links;
      CAPTURE(path.string());
      CAPTURE(link);
      const auto hash = link.find('#');
      const fs::path target = hash == 0 ? path : path.parent_path() / link.substr(0, hash);
      CHECK(fs::exists(target));
      if (hash != std::string::npos && fs::exists(target)) {
        CHECK(anchors_of(target).contains(link.substr(hash + 1)));
      }
    }
  }
  CHECK(links > 50);
}

TEST_CASE("every page of docs/ is in an index") {
  for (const fs::path& folder : {pages::root() / "docs", pages::root() / "docs" / "decisions"}) {
    const auto links = relative_links_of(folder / "README.md");
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string file = entry.path().filename().string();
      if (entry.path().extension() == ".md" && file != "README.md") {
        CAPTURE(entry.path().string());
        CHECK(links.contains(file));
      }
    }
  }
}
