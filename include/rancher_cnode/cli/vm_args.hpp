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
/// the first, too; of several -setcookie it takes none and reads the cookie file, and `-setcookie NODE COOKIE` does not
/// count (auth.erl, OTP 25). First ${VARIABLE} and ${VARIABLE:-fallback} are replaced, as relx and Distillery do before the
/// BEAM sees the file; then words, quotes, backslashes and comments are read as `erl -args_file` reads them.
[[nodiscard]] std::optional<std::string> vm_arg(std::string_view text, std::string_view flag,
                                                const Environment& environment);

/// The same of a file and those that it names by -args_file, relative to the working directory, as the BEAM reads them:
/// in those no variable is replaced. A file that cannot be read is a bad setting, and so is a ninth within the other.
[[nodiscard]] Expected<std::optional<std::string>> vm_arg_of_file(const std::string& path,
                                                                  std::string_view flag,
                                                                  const Environment& environment);

}  // namespace rancher_cnode::cli
