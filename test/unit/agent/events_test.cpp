// Compares the README's table of events with the sources.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Everything in `text` that stands as the pattern's first group.
void collect(const std::string& text, const std::regex& pattern, std::set<std::string>& into) {
  for (std::sregex_iterator found(text.begin(), text.end(), pattern), end; found != end; ++found) {
    into.insert((*found)[1]);
  }
}

/// A word in snake_case of two parts at least, alone in quotes, in a statement that writes to a log.
std::set<std::string> events_in_sources() {
  std::set<std::string> events;
  const std::regex statement(R"((?:log_?\.(?:debug|info|warning|error|write|warn)|log_body)\(([^;]*);)");
  const std::regex word(R"re("([a-z]+(?:_[a-z]+)+)")re");
  const std::regex field(R"(\{"[a-z_]+",)");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(RANCHER_CNODE_SOURCES)) {
    if (entry.path().extension() == ".cpp") {
      std::set<std::string> statements;
      collect(text_of(entry.path()), statement, statements);
      for (const auto& each : statements) {
        collect(std::regex_replace(each, field, "{"), word, events);
      }
    }
  }
  return events;
}

std::set<std::string> events_in_readme() {
  const std::string readme = text_of(RANCHER_CNODE_README);
  const auto begin = readme.find("## How it fails");
  const auto end = readme.find("\n## ", begin + 1);
  REQUIRE(end != std::string::npos);
  const std::regex cell(R"(\n(\|[^|]*\|))");
  const std::regex word(R"(`([a-z_]+)`)");
  std::set<std::string> cells;
  std::set<std::string> events;
  collect(readme.substr(begin, end - begin), cell, cells);
  for (const auto& each : cells) {
    collect(each, word, events);
  }
  return events;
}

std::set<std::string> without(const std::set<std::string>& from, const std::set<std::string>& known) {
  std::set<std::string> left;
  std::ranges::set_difference(from, known, std::inserter(left, left.end()));
  return left;
}

std::string joined(const std::set<std::string>& words) {
  std::string text;
  for (const auto& word : words) {
    text += word + " ";
  }
  return text;
}

}  // namespace

TEST_CASE("the README lists every event that the sources log, and no other") {
  CHECK(joined(without(events_in_sources(), events_in_readme())) == "");
  CHECK(joined(without(events_in_readme(), events_in_sources())) == "");
}
