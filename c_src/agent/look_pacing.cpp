#include "look_pacing.hpp"

#include <algorithm>

namespace rancher_cnode::agent {
namespace {

constexpr Milliseconds often{50};
constexpr Milliseconds seldom{250};
constexpr Milliseconds often_for{10'000};
constexpr Milliseconds first{100};
constexpr Milliseconds limit{10'000};
constexpr Milliseconds first_after_refusal{1'000};
constexpr Milliseconds limit_after_refusal{900'000};
constexpr Milliseconds news_interval{5'000};

/// `first_delay` after one failure, `factor` times as long with each further one.
Milliseconds growing(Milliseconds first_delay, int factor, std::uint32_t failures, Milliseconds longest) {
  Milliseconds delay = first_delay;
  for (std::uint32_t i = 1; i < failures && delay < longest; ++i) {
    delay *= factor;
  }
  return std::min(delay, longest);
}

}  // namespace

Milliseconds LookPacing::failed(TimePoint now) {
  ++failed_looks_;
  if (where_ == Whereabouts::own_host) {
    return now - looking_since_ < often_for ? often : seldom;
  }
  return growing(first, 2, failed_looks_, limit);
}

Milliseconds LookPacing::refused() {
  return growing(first_after_refusal, 4, ++refusals_, limit_after_refusal);
}

void LookPacing::changed(TimePoint now) {
  if (refusals_ > 0) {
    looking_since_ = now;
  }
  refusals_ = 0;
}

void LookPacing::lasted() {
  failed_looks_ = 0;
  refusals_ = 0;
  short_links_ = 0;
}

Milliseconds LookPacing::ended_early(TimePoint now) {
  looking_since_ = now;
  ++failed_looks_;
  ++short_links_;
  return growing(first, 2, short_links_, limit_after_refusal);
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
