#include "look_pacing.hpp"

#include <algorithm>

namespace rancher_cnode::agent {
namespace {

constexpr Milliseconds often{50};
constexpr Milliseconds seldom{250};
constexpr Milliseconds often_for{10'000};
constexpr Milliseconds first{100};
constexpr Milliseconds limit{10'000};
constexpr Milliseconds news_interval{5'000};

/// `failures`: at least 1.
Milliseconds growing(std::uint32_t failures) {
  Milliseconds delay = first;
  for (std::uint32_t i = 1; i < failures && delay < limit; ++i) {
    delay *= 2;
  }
  return std::min(delay, limit);
}

}  // namespace

Milliseconds LookPacing::failed(TimePoint now) {
  ++failed_looks_;
  if (where_ == Whereabouts::own_host) {
    return now - looking_since_ < often_for ? often : seldom;
  }
  return growing(failed_looks_);
}

void LookPacing::lasted() {
  failed_looks_ = 0;
  short_links_ = 0;
}

Milliseconds LookPacing::ended_early(TimePoint now) {
  looking_since_ = now;
  ++failed_looks_;
  ++short_links_;
  return growing(short_links_);
}

void LookPacing::ended(TimePoint now) { looking_since_ = now; }

bool LookPacing::take_news(TimePoint now) {
  if (took_news_ && now < *took_news_ + news_interval) {
    return false;
  }
  took_news_ = now;
  failed_looks_ = 0;
  return true;
}

}  // namespace rancher_cnode::agent
