#include "rancher_cnode/config/cookie_file.hpp"

#include <algorithm>

#include "rancher_cnode/core/regular_file.hpp"

namespace rancher_cnode {
namespace {

constexpr bool is_printable(char c) { return c >= ' ' && c <= '~'; }
constexpr bool is_line_end_or_blank(char c) { return c == '\n' || c == '\r' || c == ' '; }

}  // namespace

Expected<Cookie> checked_cookie(std::string_view text) {
  if (text.empty()) {
    return failure(ErrorCode::bad_setting, "the cookie is empty");
  }
  if (text.size() > Cookie::max_length) {
    return failure(ErrorCode::bad_setting, "the cookie is longer than 512 characters");
  }
  if (!std::ranges::all_of(text, is_printable)) {
    return failure(ErrorCode::bad_setting, "the cookie contains characters that are not printable ASCII");
  }
  return Cookie(std::string(text));
}

Expected<Cookie> parse_cookie_file(std::string_view text) {
  const auto end = std::ranges::find_if_not(text, is_printable);
  const std::string_view first_line(text.begin(), end);
  if (!std::all_of(end, text.end(), is_line_end_or_blank)) {
    return failure(ErrorCode::bad_setting,
                   "the file must contain one line of printable ASCII and nothing else");
  }
  return checked_cookie(first_line);
}

Expected<Cookie> read_cookie_file(const std::string& path) {
  // Longer than any cookie with its line ends; the path may name a file of any size.
  const auto text = read_file_start(path, 4096);
  return text ? parse_cookie_file(*text) : failure(ErrorCode::bad_setting, text.error().message);
}

Expected<Cookie> cookie_of(const Config& config) {
  if (!config.cookie.empty() || config.cookie_path.empty()) {
    return config.cookie;
  }
  auto cookie = read_cookie_file(config.cookie_path);
  return cookie ? cookie : tl::unexpected<Error>(cookie.error().within(config.cookie_path));
}

}  // namespace rancher_cnode
