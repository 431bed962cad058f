// The flags of the tables of commands and settings, as the man page and the completions print them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.hpp"
#include "rancher_cnode/config/settings.hpp"

namespace rancher_cnode::cli {

struct Entry {
  std::string name;
  std::string argument;  ///< "" = none
  std::string fallback;
  std::string help;
};

[[nodiscard]] Entry entry_of(const config::Setting& setting);
[[nodiscard]] std::vector<Entry> entries_of(const std::vector<Flag>& flags);

/// Every flag that a command takes: its own, settings that it does not hide, and the general ones.
[[nodiscard]] std::vector<Entry> all_entries(const Command& command);

/// The text with each of one character replaced.
[[nodiscard]] std::string replaced(std::string_view text, char what, std::string_view by);

}  // namespace rancher_cnode::cli
