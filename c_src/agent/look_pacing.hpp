// How long to wait before a BEAM that is not linked is looked for again. Pure: time comes in as an argument.
// Used by TargetLink, one object a BEAM.
//
// A BEAM that is absent may be looked for often. One that is there and refuses us, or closes each connection at
// once, writes a line into the application's log each time, so it is tried ever less often, and at once only when
// its process or our cookie has changed. A connection counts once it has lasted.
#pragma once

#include <cstdint>
#include <optional>

#include "rancher_cnode/clock.hpp"

namespace rancher_cnode::agent {

/// Where the BEAM is.
enum class Whereabouts { own_host, other_host };

class LookPacing {
 public:
  /// A link that ends sooner counts as a look in vain.
  static constexpr Milliseconds lasting{1'000};

  /// `now`: since when the BEAM is looked for.
  LookPacing(Whereabouts where, TimePoint now) : where_(where), looking_since_(now) {}

  /// It was looked for in vain: the wait before the next look. For the BEAM on our own host: often while it
  /// boots (50 ms, for 10 s), then 250 ms. For one on another host 100 ms, doubled with each look in vain in a
  /// row, at most 10 s.
  [[nodiscard]] Milliseconds failed(TimePoint now);

  /// It is there and refuses us: the wait before the next attempt. 1 s, four times as long with each refusal,
  /// at most 15 min: 8 attempts in the first hour, 4 in each later one. Wherever the BEAM is.
  [[nodiscard]] Milliseconds refused();

  /// Its process or our cookie is another: the delays after refusals start over.
  void changed(TimePoint now);

  /// The link has lasted: all delays start over.
  void lasted();

  /// The link has ended before it lasted: the wait before the next look. 100 ms, doubled with each such link
  /// since one lasted, whatever came between them, at most 15 min. Wherever the BEAM is.
  [[nodiscard]] Milliseconds ended_early(TimePoint now);

  /// The link has ended after it lasted, and the next look is due at once.
  void ended(TimePoint now);

  /// True while no link has lasted since one ended early.
  [[nodiscard]] bool doubtful() const { return short_links_ > 0; }

  /// Something has changed outside. True if the next look is due at once, and the delays after looks in vain
  /// start over: once in 5 s.
  [[nodiscard]] bool take_news(TimePoint now);

 private:
  const Whereabouts where_;
  TimePoint looking_since_;
  std::uint32_t failed_looks_ = 0;
  std::uint32_t refusals_ = 0;
  std::uint32_t short_links_ = 0;
  std::optional<TimePoint> took_news_;
};

}  // namespace rancher_cnode::agent
