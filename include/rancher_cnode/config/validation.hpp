// Turns raw settings into a valid Config. Used by command_line.
#pragma once

#include <string>
#include <vector>

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
  std::vector<std::string>
      problems;  ///< one line for each invalid setting; where there is one, do not use the rest
};

/// Checks every setting and fills a Config. Reads $ERL_EPMD_PORT and, except for Purpose::ask_address, the
/// cookie's sources. The problems are in the order of settings(); each has the flag, the value, its source
/// and the rule, on one line, and never a cookie or a password.
[[nodiscard]] Validated validate(const RawConfig& raw, const Environment& environment, Purpose purpose);

/// Services as they are given to --service, with the same rules; at least one. The error has a line for each
/// problem. Used for services that are set while the program runs.
[[nodiscard]] Expected<std::vector<PeerService>> peer_services(std::vector<std::string> texts,
                                                               const std::string& metadata_version);

}  // namespace rancher_cnode::config
