// Expected failures as values. Used by every room.
//
// Exceptions are kept for bugs and exhausted memory. Whatever the outside world may do to us
// (a peer that closes, a body that is garbage) comes back as an Error that the caller can act on.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace rancher_cnode {

/// What the caller can do about a failure. The message is for people, the code for decisions.
enum class ErrorCode {
  bad_setting,  ///< a setting breaks a rule: end with status 2
  unavailable,  ///< the other side is not there now (refused, reset, no route, no name): try again
  timeout,      ///< a deadline passed: try again
  not_found,    ///< the other side answered that it does not know (404, name not registered)
  refused,      ///< the other side said no on purpose (cookie, name taken, not allowed)
  malformed,    ///< the other side sent what breaks the protocol or the expected shape
  too_large,    ///< a size limit was passed
  cancelled,    ///< we ended it ourselves
  failed,       ///< the operating system or a library failed in a way that fits none of the above
};

/// The code's name in snake_case, as it stands in logs and in status.
[[nodiscard]] std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::failed;
  std::string message;

  /// The same error with `context: ` put before its message, added on the way up.
  [[nodiscard]] Error within(std::string_view context) const;

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Expected = tl::expected<T, Error>;

/// Shorthand to return a failure from a function that returns Expected<T>.
[[nodiscard]] inline tl::unexpected<Error> failure(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

}  // namespace rancher_cnode
