#include "rancher_cnode/core/error.hpp"

namespace rancher_cnode {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_setting:
      return "bad_setting";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::refused:
      return "refused";
    case ErrorCode::malformed:
      return "malformed";
    case ErrorCode::too_large:
      return "too_large";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::failed:
      return "failed";
  }
  return "failed";
}

Error Error::within(std::string_view context) const {
  std::string longer;
  longer.reserve(context.size() + 2 + message.size());
  longer.append(context).append(": ").append(message);
  return Error{code, std::move(longer)};
}

}  // namespace rancher_cnode
