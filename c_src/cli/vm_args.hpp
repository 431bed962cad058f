// Reads the vm.args of a release as the BEAM does. Used by the command `vm-arg`, for scripts/with-rancher-cnode.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::cli {

/// The value of the first `flag` ("-name") that has one; nothing if there is none. When there are several, the BEAM also
/// takes the first -name, but no -setcookie: then it reads the cookie file. `-setcookie NODE COOKIE` does not count
/// (auth.erl, OTP 25). First ${VARIABLE} and ${VARIABLE:-fallback} are replaced, as relx and Distillery do before the BEAM
/// reads the file; then words, quotes, backslashes and comments are parsed as by `erl -args_file`.
[[nodiscard]] std::optional<std::string> vm_arg(std::string_view text, std::string_view flag,
                                                const config::Environment& environment);

/// The same for a file and the files that it includes by -args_file, relative to the working directory, as the BEAM reads
/// them: in these no variable is replaced. ErrorCode::bad_setting for a file that cannot be read, or for a nesting depth
/// above 8.
[[nodiscard]] Expected<std::optional<std::string>> vm_arg_of_file(const std::string& path,
                                                                  std::string_view flag,
                                                                  const config::Environment& environment);

}  // namespace rancher_cnode::cli
