// Foreign bytes as text that is safe to print: from the network, the metadata, a file or the command line.
// Used by the log for every value, and wherever a message repeats what somebody else wrote.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rancher_cnode {

/// At most `longest` bytes of text, without half a character at the end.
[[nodiscard]] std::string_view beginning_of(std::string_view text, std::size_t longest);

/// One line of well-formed UTF-8 that cannot end the line, close double quotes or control a terminal. Control
/// characters (C0, DEL, C1), double quotes and backslashes are escaped as in JSON (RFC 8259 section 7); each
/// byte that is not UTF-8 becomes \ufffd. A text of more than `longest` bytes is cut to that, and "..."
/// follows; escapes may make the result up to six times as long.
[[nodiscard]] std::string printable(std::string_view text, std::size_t longest = std::string_view::npos);

/// The same for people, outside of quotes: double quotes and backslashes stay, so that a text that has been
/// through one of the two before is not escaped again.
[[nodiscard]] std::string readable(std::string_view text, std::size_t longest = std::string_view::npos);

}  // namespace rancher_cnode
