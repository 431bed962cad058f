#include "rancher_cnode/core/backoff.hpp"

#include <algorithm>

namespace rancher_cnode {

Milliseconds Backoff::after(std::uint32_t failures) const {
  Milliseconds delay = first_;
  for (std::uint32_t i = 1; i < failures && delay < limit_; ++i) {
    delay *= factor_;
  }
  return std::min(delay, limit_);
}

}  // namespace rancher_cnode
