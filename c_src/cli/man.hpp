// The man page, made from the tables of commands and settings. Used by commands.
#pragma once

#include <string>

namespace rancher_cnode::cli {

/// roff of man(7), section 1.
[[nodiscard]] std::string man_page();

}  // namespace rancher_cnode::cli
