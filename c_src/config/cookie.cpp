#include "config/cookie.hpp"

#include <filesystem>
#include <system_error>
#include <vector>

#include "rancher_cnode/config/cookie_file.hpp"
#include "rancher_cnode/config/raw_config.hpp"

namespace rancher_cnode::config {
namespace {

Expected<FoundCookie> found(Expected<Cookie> cookie, std::string source, std::string path = "") {
  if (!cookie) {
    return tl::unexpected<Error>(cookie.error().within(source));
  }
  return FoundCookie{*std::move(cookie), std::move(source), std::move(path)};
}

/// The files that the BEAM reads, in its order (auth.erl; the second since OTP 25).
std::vector<std::string> files_of_the_beam(const Environment& environment) {
  const auto home = environment.get("HOME");
  if (!home) {
    return {};
  }
  return {*home + "/.erlang.cookie",
          environment.get("XDG_CONFIG_HOME").value_or(*home + "/.config") + "/erlang/.erlang.cookie"};
}

}  // namespace

Expected<FoundCookie> find_cookie(const std::optional<std::string>& cookie_file,
                                  const Environment& environment) {
  if (cookie_file) {
    return found(read_cookie_file(*cookie_file), "--cookie-file " + shown(*cookie_file), *cookie_file);
  }
  for (const auto* variable : {"RANCHER_CNODE_COOKIE", "RELEASE_COOKIE"}) {
    if (const auto text = environment.get(variable)) {
      return found(checked_cookie(*text), std::string("$") + variable);
    }
  }
  for (const auto& path : files_of_the_beam(environment)) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) {
      return found(read_cookie_file(path), shown(path), path);
    }
  }
  return failure(ErrorCode::bad_setting,
                 "no cookie: set --cookie-file, $RANCHER_CNODE_COOKIE or $RELEASE_COOKIE, or create "
                 "~/.erlang.cookie or ~/.config/erlang/.erlang.cookie");
}

}  // namespace rancher_cnode::config
