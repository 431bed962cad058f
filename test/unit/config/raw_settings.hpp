// Raw settings that are valid but for one.
#pragma once

#include <string>
#include <utility>

#include "rancher_cnode/config/raw_config.hpp"
#include "rancher_cnode/config/validation.hpp"

namespace rancher_cnode::config::test {

using Variables = Environment::Variables;

inline const Environment with_cookie(Variables{{"RELEASE_COOKIE", "c"}});

inline RawConfig good() {
  RawConfig flags{{"node-basename", RawValue{{"myapp"}, Origin::flag, ""}}};
  return layered(std::move(flags), {}, {}, with_cookie);
}

inline std::string message_for(const std::string& name, RawValue value) {
  RawConfig raw = good();
  raw[name] = std::move(value);
  const auto validated = validate(raw, with_cookie, Purpose::connect);
  return validated.problems.empty() ? "accepted" : validated.problems.front();
}

inline std::string message_for(const std::string& name, const std::string& text) {
  return message_for(name, RawValue{{text}, Origin::flag, ""});
}

inline constexpr auto alive_rule = "must be 1 to 239 characters of [0-9A-Za-z_-]";
inline constexpr auto ip_rule =
    "must be an IPv4 address of a host: not 0.x, loopback, multicast, reserved or broadcast";
inline constexpr auto path_rule = "must be a path without control characters, quotes, backslash and #";
inline constexpr auto program_rule = "must be a program without control characters, quotes, backslash and #";
inline constexpr auto url_rule =
    "must be http://HOST[:PORT][/PATH], https://... or file:///PATH, without credentials, query, fragment, "
    "'//' and "
    "'..'";
inline constexpr auto version_rule =
    "must be one path component of [A-Za-z0-9._-], and not 2015-07-25, which contains no addresses";
inline constexpr auto service_rule =
    "must be a path like self/service, stacks/STACK/services/SERVICE or stacks/STACK/services, of "
    "[A-Za-z0-9._-] and single slashes, none outside; with =BASENAME for BEAMs of another name";
inline constexpr auto call_rule =
    "must be MODULE:FUNCTION, each 1 to 255 printable characters without blanks and quotes";
inline constexpr auto port_rule = "must be 0, a port from 1 to 65535, or a range of them like 9100-9105";
inline constexpr auto day_rule =
    "must be a duration from 0 to 1d, as 500ms, 10s, 2m, 8h or 1d; a plain number is in milliseconds";
inline constexpr auto hour_rule =
    "must be a duration from 250ms to 1h, as 500ms, 10s, 2m, 8h or 1d; a plain number is in milliseconds";
inline constexpr auto http_rule =
    "must be a port from 1 to 65535, or an IPv4 address and a port like 127.0.0.1:9100";

}  // namespace rancher_cnode::config::test
