#include "config/cookie.hpp"

#include <filesystem>
#include <system_error>
#include <vector>

#include "rancher_cnode/config/cookie_file.hpp"
#include "rancher_cnode/config/messages.hpp"

namespace rancher_cnode::config {
namespace {

Expected<FoundCookie> found(Expected<Cookie> cookie, std::string source, CookieOrigin origin,
                            std::string path = "") {
  if (!cookie) {
    return tl::unexpected<Error>(cookie.error().within(source));
  }
  return FoundCookie{*std::move(cookie), std::move(source), std::move(path), origin};
}

bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
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
    const std::string source = "--cookie-file " + shown(*cookie_file);
    return is_there(*cookie_file)
               ? found(read_cookie_file(*cookie_file), source, CookieOrigin::setting, *cookie_file)
               : found(Cookie(), source + ", which does not exist yet", CookieOrigin::setting, *cookie_file);
  }
  for (const auto& [variable, origin] : {std::pair{"RANCHER_CNODE_COOKIE", CookieOrigin::setting},
                                         {"RELEASE_COOKIE", CookieOrigin::fallback}}) {
    if (const auto text = environment.get(variable)) {
      if (origin == CookieOrigin::fallback && text->starts_with('-')) {
        return failure(ErrorCode::bad_setting,
                       std::string("$") + variable +
                           " begins with '-': the BEAM takes it for a flag, and makes a cookie of its own");
      }
      return found(checked_cookie(*text), std::string("$") + variable, origin);
    }
  }
  for (const auto& path : files_of_the_beam(environment)) {
    // What the BEAM cannot read either is its matter to report.
    if (auto cookie = is_there(path) ? read_cookie_file(path) : failure(ErrorCode::not_found, "")) {
      return found(std::move(cookie), shown(path), CookieOrigin::fallback, path);
    }
  }
  return FoundCookie{{}, "the BEAM", "", CookieOrigin::fallback};
}

}  // namespace rancher_cnode::config
