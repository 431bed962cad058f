// Finds the cookie: --cookie-file, $RANCHER_CNODE_COOKIE, $RELEASE_COOKIE, ~/.erlang.cookie,
// ~/.config/erlang/.erlang.cookie (in $XDG_CONFIG_HOME, if set); the first one that is set. Used by validation.
// There is no flag for the cookie, because arguments are visible in process lists.
#pragma once

#include <optional>
#include <string>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::config {

struct FoundCookie {
  Cookie cookie;
  std::string source;  ///< for people: $RELEASE_COOKIE, '/home/app/.erlang.cookie'
  std::string path;    ///< of the file; "" if it came from a variable
};

/// ErrorCode::bad_setting if no source has one (the message names them), or if the first source that is set cannot be
/// read or is invalid: later sources are not tried, because they would hide the mistake.
[[nodiscard]] Expected<FoundCookie> find_cookie(const std::optional<std::string>& cookie_file,
                                                const Environment& environment);

}  // namespace rancher_cnode::config
