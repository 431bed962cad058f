// Expected failures as values. Used by every component.
//
// Exceptions are for bugs and exhausted memory only. External failures (a peer that closes, a malformed body)
// are returned as an Error that the caller can act on.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace rancher_cnode {

/// What the caller can do about a failure. The message is for people, the code for decisions.
enum class ErrorCode {
  bad_setting,  ///< a setting is invalid: exit with status 2
  unavailable,  ///< the other side is not there now (refused, reset, no route, no name): retry
  timeout,      ///< a deadline passed: retry
  not_found,    ///< the other side does not know it (404, name not registered)
  refused,      ///< the other side refused (cookie, name taken, not allowed)
  malformed,    ///< the other side broke the protocol or the expected format
  too_large,    ///< a size limit was exceeded
  cancelled,    ///< cancelled by us
  failed,       ///< the operating system or a library failed in a way that fits none of the above
};

/// The code's name in snake_case, as in log and status.
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
