#include "metadata/url_authority.hpp"

namespace rancher_cnode::metadata {

using membership::Authority;

Authority UrlAuthority::read_succeeded(TimePoint now, std::size_t url) {
  if (url > trusted_) {
    if (!since_ || url_ != url) {
      since_ = now;
    }
    url_ = url;
    if (now - *since_ < confirmation_) {
      return Authority::may_only_add;
    }
  }
  trusted_ = url;
  since_.reset();
  return Authority::full;
}

}  // namespace rancher_cnode::metadata
