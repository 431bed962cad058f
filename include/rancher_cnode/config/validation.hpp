// Turns raw settings into a valid Config. Used by command_line.
#pragma once

#include <string>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/config/environment.hpp"
#include "rancher_cnode/config/raw_config.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode::config {

/// What the settings are for. Every given setting must be valid in any case.
enum class Purpose {
  connect,      ///< the cookie is looked for
  ask_address,  ///< to ask only the metadata: it is not
};

struct Validated {
  Config config;
  std::string cookie_source;  ///< source of the cookie; "" for Purpose::ask_address
};

/// Checks every setting and fills a Config. Reads $ERL_EPMD_PORT and, except for Purpose::ask_address, the
/// cookie's sources. ErrorCode::bad_setting for the first invalid setting, in the order of settings(); the message has
/// the flag, the value, its source and the rule, on one line. It never contains a cookie or a password.
[[nodiscard]] Expected<Validated> validate(const RawConfig& raw, const Environment& environment,
                                           Purpose purpose);

}  // namespace rancher_cnode::config
