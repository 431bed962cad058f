// Finds the cookie: --cookie-file, $RANCHER_CNODE_COOKIE, $RELEASE_COOKIE, ~/.erlang.cookie,
// ~/.config/erlang/.erlang.cookie (in $XDG_CONFIG_HOME, if set); the first one that is set. Used by
// validation. There is no flag for the cookie, because arguments are visible in process lists.
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
  CookieOrigin origin = CookieOrigin::setting;
};

/// The cookie is empty if no source has one: the file of --cookie-file or of the BEAM may still be made, or
/// the BEAM has it in its arguments. ErrorCode::bad_setting if a variable or the file of --cookie-file is
/// invalid or cannot be read.
[[nodiscard]] Expected<FoundCookie> find_cookie(const std::optional<std::string>& cookie_file,
                                                const Environment& environment);

}  // namespace rancher_cnode::config
