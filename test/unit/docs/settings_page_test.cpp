// docs/settings.md against the table of settings, the command line and the rules.
#include <doctest/doctest.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "pages.hpp"
#include "rancher_cnode/config/rules.hpp"
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

std::string row_of(const cli::Command& command) {
  std::string description(command.description);
  std::ranges::replace(description, '\n', ' ');
  description.erase(
      std::ranges::unique(description, [](char a, char b) { return a == ' ' && b == ' '; }).begin(),
      description.end());
  return "| `" + cell(cli::usage_of(command)) + "` | " + cell(description) + " |";
}

std::string row_of(const cli::Command& command, const cli::Flag& flag) {
  const std::string argument = flag.argument.empty() ? "" : " " + std::string(flag.argument);
  const std::string fallback = flag.fallback.empty() ? "" : "`" + std::string(flag.fallback) + "` ";
  return "| `" + std::string(command.name) + "` | `" + std::string(flag.name) + cell(argument) + "` | " +
         fallback + "| " + cell(cli::description_of(flag)) + " |";
}

std::string row_of(const cli::Flag& flag) {
  const std::string argument = flag.argument.empty() ? "" : " " + std::string(flag.argument);
  return "| `" + std::string(flag.name) + argument + "` | " + std::string(flag.help) + " |";
}

std::vector<std::string> lines_under(const std::string& heading) {
  std::vector<std::string> lines;
  for (const auto& row : rows()) {
    if (row.heading == heading) {
      lines.push_back(row.line);
    }
  }
  return lines;
}

/// For a person to paste.
std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) {
    text += line + "\n";
  }
  return text;
}

struct Range {
  std::string flag;
  std::string least;
  std::string most;
};

/// A setting's row whose description has "LEAST to MOST".
std::vector<Range> ranges() {
  const std::regex range(R"((\d+[a-z]*) to (\d+[a-z]*)[.;])");
  const std::regex flag("`(--[a-z-]+)");
  std::vector<Range> found;
  for (const auto& row : rows()) {
    std::smatch bounds;
    std::smatch name;
    if (row.heading != "Flags of commands" && std::regex_search(row.cells.back(), bounds, range) &&
        std::regex_search(row.cells.front(), name, flag)) {
      found.push_back({name[1], bounds[1], bounds[2]});
    }
  }
  return found;
}

/// A number, or a duration in milliseconds.
std::uint64_t number_of(const std::string& bound) {
  const auto duration = config::duration_between(bound, Milliseconds(0), Milliseconds::max());
  return static_cast<std::uint64_t>(duration.value().count());
}

bool accepts(const std::string& flag, const std::string& value) {
  std::vector<std::string> arguments{"--node-basename=myapp", flag + "=" + value};
  // Without which they are refused.
  if (flag == "--ready-peers") {
    arguments.emplace_back("--http-listen=9100");
  } else if (flag == "--ready-grace") {
    arguments.insert(arguments.end(), {"--http-listen=9100", "--ready-peers=1"});
  }
  return invoke(std::move(arguments)).output.empty();
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
    CHECK_FALSE(accepts(flag, std::to_string(number_of(most) + 1)));
    CHECK((number_of(least) == 0 || !accepts(flag, std::to_string(number_of(least) - 1))));
  }
  std::set<std::string> numbers;
  for (const auto& setting : config::settings()) {
    if (setting.argument == "DURATION" || setting.argument == "N") {
      numbers.insert(config::flag_of(setting.name));
    }
  }
  CHECK(pages::missing(numbers, with_range) == "");
}

TEST_CASE("the page of settings has the rows of the table of commands and their flags, and no other") {
  std::vector<std::string> commands;
  std::vector<std::string> flags;
  for (const auto& command : cli::commands()) {
    commands.push_back(row_of(command));
    for (const auto& flag : command.flags) {
      flags.push_back(row_of(command, flag));
    }
  }
  std::vector<std::string> general;
  for (const auto& flag : cli::general_flags()) {
    general.push_back(row_of(flag));
  }
  CHECK(joined(lines_under("Commands")) == joined(commands));
  CHECK(joined(lines_under("Flags of commands")) == joined(flags));
  CHECK(joined(lines_under("Other flags")) == joined(general));
}

TEST_CASE("the flags of commands accept their range and default, and nothing beyond") {
  std::size_t ranges = 0;
  for (const auto& command : cli::commands()) {
    for (const auto& flag : command.flags) {
      CAPTURE(flag.name);
      CHECK((flag.fallback.empty() || cli::broken_rule(flag, flag.fallback).empty()));
      if (flag.most != 0) {
        ++ranges;
        CHECK(cli::broken_rule(flag, std::to_string(flag.least)).empty());
        CHECK(cli::broken_rule(flag, std::to_string(flag.most)).empty());
        CHECK_FALSE(cli::broken_rule(flag, std::to_string(flag.most + 1)).empty());
        CHECK((flag.least == 0 || !cli::broken_rule(flag, std::to_string(flag.least - 1)).empty()));
      }
      CHECK((flag.most != 0) == !cli::range_of(flag).empty());
    }
  }
  CHECK(ranges > 4);
}
