// From raw settings to a Config that nobody needs to check again. Used by command_line.
#pragma once

#include <string>

#include "rancher_cnode/cli/environment.hpp"
#include "rancher_cnode/cli/raw_config.hpp"
#include "rancher_cnode/config.hpp"
#include "rancher_cnode/error.hpp"

namespace rancher_cnode::cli {

/// What the settings are for. Every setting that is given must keep its rule either way.
enum class Purpose {
  run,          ///< the node name of the peers and a cookie are needed
  ask_cnode,    ///< the C-node of this container is asked: the cookie is needed
  ask_address,  ///< only metadata is asked: neither is needed, no cookie is looked for
};

struct Validated {
  Config config;
  std::string cookie_source;  ///< where the cookie was found; "" for Purpose::ask_address
};

/// Checks every setting and fills a Config. Reads $ERL_EPMD_PORT and, but for Purpose::ask_address, the
/// cookie's sources. ErrorCode::bad_setting for the first setting, in the order of settings(), that breaks
/// its rule; the message names the flag, the value, where it came from and the rule, on one line. It never
/// holds a cookie or a password.
[[nodiscard]] Expected<Validated> validate(const RawConfig& raw, const Environment& environment,
                                           Purpose purpose);

}  // namespace rancher_cnode::cli
