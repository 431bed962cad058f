// docs/settings.md against the table of settings, the command line and the rules.
#include <doctest/doctest.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "pages.hpp"
#include "rancher_cnode/config/settings.hpp"

using namespace rancher_cnode;
using pages::Row;

namespace {

/// A vertical bar would end a cell of the table.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

std::string row_of(const config::Setting& setting) {
  const bool toggle = setting.shape == config::Shape::toggle;
  std::string fallback(setting.fallback);
  std::ranges::replace(fallback, ',', ' ');
  return "| `" + config::flag_of(setting.name) + (toggle ? "" : cell(" " + std::string(setting.argument))) +
         "` | " + (fallback.empty() ? "" : "`" + fallback + "` ") + "| " + cell(std::string(setting.help)) +
         (setting.shape == config::Shape::list ? " May be repeated." : "") + " |";
}

std::vector<Row> rows() { return pages::rows_of(pages::page("settings.md")); }

cli::Invocation invoke(std::vector<std::string> arguments) {
  std::vector<const char*> argv{"rancher_cnode"};
  for (const auto& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  return cli::parse_command_line(
      static_cast<int>(argv.size()), argv.data(),
      config::Environment(config::Environment::Variables{{"RANCHER_CNODE_COOKIE", "monster"}}));
}

std::string help() {
  return invoke({"--help"}).output + invoke({"ip", "--help"}).output + invoke({"wait", "--help"}).output +
         invoke({"exec", "--help"}).output + invoke({"env", "--help"}).output +
         invoke({"status", "--help"}).output + invoke({"check", "--help"}).output;
}

struct Range {
  std::string flag;
  std::uint64_t least = 0;
  std::uint64_t most = 0;
};

/// A row whose description has "LEAST to MOST".
std::vector<Range> ranges() {
  const std::regex range(R"((\d+) to (\d+)[.;])");
  const std::regex flag("`(--[a-z-]+)");
  std::vector<Range> found;
  for (const auto& row : rows()) {
    std::smatch numbers;
    std::smatch name;
    if (std::regex_search(row.cells.back(), numbers, range) &&
        std::regex_search(row.cells.front(), name, flag)) {
      found.push_back({name[1], std::stoull(numbers[1]), std::stoull(numbers[2])});
    }
  }
  return found;
}

bool accepts(const std::string& flag, std::uint64_t number) {
  const std::string value = flag + "=" + std::to_string(number);
  for (const auto* of_check : {"--timeout", "--expect", "--min", "--max-metadata-age"}) {
    if (flag == of_check) {
      return invoke({"check", value}).output.empty();
    }
  }
  return invoke({"--node-basename=myapp", value}).output.empty();
}

}  // namespace

TEST_CASE("the page of settings has the rows of the table of settings, under the same headings") {
  std::map<std::string, std::vector<std::string>> on_page;
  for (const auto& row : rows()) {
    on_page[row.heading].push_back(row.line);
  }
  std::map<std::string, std::vector<std::string>> in_table;
  for (const auto& setting : config::settings()) {
    in_table[std::string(setting.group)].push_back(row_of(setting));
  }
  for (const auto& [group, expected] : in_table) {
    const auto& actual = on_page[group];
    CAPTURE(group);
    for (const auto& row : expected) {
      CAPTURE(row);
      CHECK(std::ranges::find(actual, row) != actual.end());
    }
    for (const auto& row : actual) {
      CAPTURE(row);
      CHECK(std::ranges::find(expected, row) != expected.end());
    }
    CHECK(actual == expected);
  }
}

TEST_CASE("the ranges on the page of settings are those that the program enforces") {
  std::set<std::string> with_range;
  for (const auto& [flag, least, most] : ranges()) {
    CAPTURE(flag);
    with_range.insert(flag);
    CHECK(accepts(flag, least));
    CHECK(accepts(flag, most));
    CHECK_FALSE(accepts(flag, most + 1));
    CHECK((least == 0 || !accepts(flag, least - 1)));
  }
  std::set<std::string> numbers{"--timeout", "--expect", "--min", "--max-metadata-age"};
  for (const auto& setting : config::settings()) {
    if (setting.argument == "MS" || setting.argument == "N") {
      numbers.insert(config::flag_of(setting.name));
    }
  }
  CHECK(pages::missing(numbers, with_range) == "");
}

TEST_CASE("the page of settings has every flag of the help, and no other") {
  const std::regex flag("(--[a-z-]+)");
  std::set<std::string> on_page;
  for (const auto& row : rows()) {
    on_page.merge(pages::found_in(row.cells.front(), flag));
  }
  std::set<std::string> in_help = pages::found_in(help(), std::regex("\n  (?:-h, )?(--[a-z-]+)"));
  CHECK(pages::missing(in_help, on_page) == "");
  CHECK(pages::missing(on_page, in_help) == "");
}

TEST_CASE("the page of settings has every command of the help, and no other") {
  const std::regex command("rancher_cnode (?:\\[)?([a-z-]+)");
  std::set<std::string> on_page;
  for (const auto& row : rows()) {
    if (row.heading == "Commands") {
      on_page.merge(pages::found_in(row.cells.front(), command));
    }
  }
  const std::string text = help();
  const std::set<std::string> in_help = pages::found_in(text.substr(0, text.find("\n\n")), command);
  CHECK(pages::missing(in_help, on_page) == "");
  CHECK(pages::missing(on_page, in_help) == "");
}
