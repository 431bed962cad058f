#include "cli/entries.hpp"

namespace rancher_cnode::cli {
using namespace config;

namespace {

Entry entry_of(const Flag& flag) {
  return {std::string(flag.name), std::string(flag.argument), std::string(flag.fallback),
          description_of(flag)};
}

}  // namespace

Entry entry_of(const Setting& setting) {
  const bool toggle = setting.shape == Shape::toggle;
  return {flag_of(setting.name), toggle ? "" : std::string(setting.argument), std::string(setting.fallback),
          std::string(setting.help)};
}

std::vector<Entry> entries_of(const std::vector<Flag>& flags) {
  std::vector<Entry> entries;
  entries.reserve(flags.size());
  for (const Flag& flag : flags) {
    entries.push_back(entry_of(flag));
  }
  return entries;
}

std::vector<Entry> all_entries(const Command& command) {
  auto entries = entries_of(command.flags);
  const std::size_t own = entries.size();
  for (const Setting& setting : settings()) {
    const auto entry = entry_of(setting);
    bool hidden = false;
    for (std::size_t i = 0; i < own; ++i) {
      hidden = hidden || entries[i].name == entry.name;
    }
    if (!hidden) {
      entries.push_back(entry);
    }
  }
  const auto general = entries_of(general_flags());
  entries.insert(entries.end(), general.begin(), general.end());
  return entries;
}

std::string replaced(std::string_view text, char what, std::string_view by) {
  std::string out;
  for (const char c : text) {
    c == what ? out += by : out += c;
  }
  return out;
}

}  // namespace rancher_cnode::cli
