#include "rancher_cnode/cli/cookie.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "rancher_cnode/cli/raw_config.hpp"

namespace rancher_cnode::cli {
namespace {

constexpr bool is_printable(char c) { return c >= ' ' && c <= '~'; }
constexpr bool is_line_end_or_blank(char c) { return c == '\n' || c == '\r' || c == ' '; }

Expected<Cookie> checked(std::string_view text) {
  if (text.empty()) return failure(ErrorCode::bad_setting, "the cookie is empty");
  if (text.size() > Cookie::max_length) {
    return failure(ErrorCode::bad_setting, "the cookie is longer than 512 characters");
  }
  if (!std::ranges::all_of(text, is_printable)) {
    return failure(ErrorCode::bad_setting, "the cookie holds characters that are not printable ASCII");
  }
  return Cookie(std::string(text));
}

Expected<Cookie> read_cookie_file(const std::string& path) {
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, ignored)) {
    return failure(ErrorCode::bad_setting, "the file cannot be read");
  }
  // Longer than any cookie with its line ends; a wrong path may name a file of any size.
  std::array<char, 4096> buffer{};
  file.read(buffer.data(), buffer.size());
  return parse_cookie_file({buffer.data(), static_cast<std::size_t>(file.gcount())});
}

Expected<FoundCookie> found(Expected<Cookie> cookie, std::string source) {
  if (!cookie) return tl::unexpected<Error>(cookie.error().within(source));
  return FoundCookie{*std::move(cookie), std::move(source)};
}

/// Where the BEAM looks, in its order (auth.erl; the second since OTP 25).
std::vector<std::string> files_of_the_beam(const Environment& environment) {
  const auto home = environment.get("HOME");
  if (!home) return {};
  return {*home + "/.erlang.cookie",
          environment.get("XDG_CONFIG_HOME").value_or(*home + "/.config") + "/erlang/.erlang.cookie"};
}

}  // namespace

Expected<Cookie> parse_cookie_file(std::string_view text) {
  const auto end = std::ranges::find_if_not(text, is_printable);
  const std::string_view first_line(text.begin(), end);
  if (!std::all_of(end, text.end(), is_line_end_or_blank)) {
    return failure(ErrorCode::bad_setting, "the file must hold one line of printable ASCII and nothing else");
  }
  return checked(first_line);
}

Expected<FoundCookie> find_cookie(const std::optional<std::string>& cookie_file,
                                  const Environment& environment) {
  if (cookie_file) return found(read_cookie_file(*cookie_file), "--cookie-file " + shown(*cookie_file));
  for (const auto* variable : {"RANCHER_CNODE_COOKIE", "RELEASE_COOKIE"}) {
    if (const auto text = environment.get(variable))
      return found(checked(*text), std::string("$") + variable);
  }
  for (const auto& path : files_of_the_beam(environment)) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return found(read_cookie_file(path), shown(path));
  }
  return failure(ErrorCode::bad_setting,
                 "no cookie: give --cookie-file, $RANCHER_CNODE_COOKIE or $RELEASE_COOKIE, or keep it in "
                 "~/.erlang.cookie or ~/.config/erlang/.erlang.cookie");
}

}  // namespace rancher_cnode::cli
