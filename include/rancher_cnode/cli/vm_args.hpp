// What a release's vm.args says, as the BEAM that is started with it takes it. Used by the command `vm-arg`, for
// scripts/with-rancher-cnode.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rancher_cnode/cli/environment.hpp"
#include "rancher_cnode/error.hpp"

namespace rancher_cnode::cli {

/// The value of the first `flag` ("-name") that has one; nothing where there is none. Of several -name the BEAM takes
/// the first, too. First ${VARIABLE} and ${VARIABLE:-fallback} are replaced, as relx and Distillery do before the
/// BEAM sees the file; then words, quotes, backslashes and comments are read as `erl -args_file` reads them.
[[nodiscard]] std::optional<std::string> vm_arg(std::string_view text, std::string_view flag,
                                                const Environment& environment);

/// The same of a file. A file that cannot be read is a bad setting.
[[nodiscard]] Expected<std::optional<std::string>> vm_arg_of_file(const std::string& path,
                                                                  std::string_view flag,
                                                                  const Environment& environment);

}  // namespace rancher_cnode::cli
