#include "cli/man.hpp"

#include <sstream>

#include "cli/entries.hpp"

namespace rancher_cnode::cli {
using namespace config;

namespace {

/// Text of a line that roff must not take for a request or an escape. A dash is the one of ASCII.
std::string roff(std::string_view text) {
  const std::string escaped = replaced(replaced(text, '\\', "\\e"), '-', "\\-");
  return escaped.starts_with('.') || escaped.starts_with('\'') ? "\\&" + escaped : escaped;
}

void add_entry(std::string& page, const Entry& entry) {
  page += ".TP\n\\fB" + roff(entry.name) + "\\fR" +
          (entry.argument.empty() ? "" : " \\fI" + roff(entry.argument) + "\\fR") + "\n" + roff(entry.help);
  page += entry.fallback.empty() ? "\n" : " [" + roff(replaced(entry.fallback, ',', " ")) + "]\n";
}

void add_paragraphs(std::string& page, std::string_view text) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const bool indented = line.starts_with("  ");
    page += indented ? ".RS\n" + roff(line.substr(2)) + "\n.RE\n" : roff(line) + "\n";
  }
}

}  // namespace

std::string man_page() {
  std::string page = R"(.TH RANCHER_CNODE 1 "" "rancher_cnode )" + roff(program_version()) +
                     "\" \"User Commands\"\n"
                     ".SH NAME\nrancher_cnode \\- connect the BEAM nodes of a Rancher service\n"
                     ".SH SYNOPSIS\n.nf\n";
  for (const Command& command : commands()) {
    page += roff(usage_of(command)) + "\n";
  }
  page +=
      ".fi\n.SH DESCRIPTION\nA hidden Erlang node that connects the BEAM nodes of a Rancher service.\n.SH "
      "COMMANDS\n";
  for (const Command& command : commands()) {
    page += ".SS " + roff(command.name) + "\n";
    add_paragraphs(page, command.description);
    for (const Entry& entry : entries_of(command.flags)) {
      add_entry(page, entry);
    }
  }
  page +=
      ".SH SETTINGS\nEach is also a variable, as RANCHER_CNODE_POLLING_INTERVAL, and a key of a "
      "configuration file.\n"
      "Precedence, highest first: flag, environment variable, configuration file, default.\n"
      "DURATION is 500ms, 10s, 2m, 8h or 1d; a plain number is in milliseconds.\n";
  std::string_view group;
  for (const Setting& setting : settings()) {
    if (setting.group != group) {
      page += ".SS \"" + roff(setting.group) + "\"\n";
    }
    group = setting.group;
    add_entry(page, entry_of(setting));
  }
  page += ".SS General\n";
  for (const Entry& entry : entries_of(general_flags())) {
    add_entry(page, entry);
  }
  page += ".SH EXIT STATUS\n";
  for (const Command& command : commands()) {
    for (const auto& [status, meaning] : command.statuses) {
      page += ".TP\n\\fB" + roff(command.name) + "\\fR " + roff(status) + "\n" + roff(meaning) + "\n";
    }
  }
  return page + ".TP\n\\fBall\\fR 2\nInvalid settings or arguments.\n";
}

}  // namespace rancher_cnode::cli
