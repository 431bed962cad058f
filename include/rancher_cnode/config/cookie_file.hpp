// Reads a file that contains a cookie. Used by cli, and by the agent when the file has changed.
#pragma once

#include <string>
#include <string_view>

#include "rancher_cnode/config/config.hpp"
#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode {

/// A cookie that Erlang accepts: 1 to 512 characters of printable ASCII. ErrorCode::bad_setting, without the
/// text, for anything else.
[[nodiscard]] Expected<Cookie> checked_cookie(std::string_view text);

/// The text of a cookie file as Erlang's auth module reads it: printable ASCII up to the first line's end,
/// after which only line ends and blanks may follow. ErrorCode::bad_setting, without the text, for anything
/// else.
[[nodiscard]] Expected<Cookie> parse_cookie_file(std::string_view text);

/// ErrorCode::bad_setting if the file cannot be read or is invalid.
[[nodiscard]] Expected<Cookie> read_cookie_file(const std::string& path);

/// The cookie of the settings; if its file did not exist, what is in it now.
[[nodiscard]] Expected<Cookie> cookie_of(const Config& config);

}  // namespace rancher_cnode
