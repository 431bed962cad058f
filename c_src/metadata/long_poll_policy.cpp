#include "metadata/long_poll_policy.hpp"

#include <algorithm>
#include <utility>

namespace rancher_cnode::metadata {
namespace {

/// Waits in a row that may fail while plain reads succeed, before long-polling is abandoned.
constexpr unsigned max_failed_waits = 2;

}  // namespace

LongPollPolicy::Limits LongPollPolicy::limits(Reads reads, Milliseconds delay) const {
  if (reads == Reads::fail) {
    return {delay, delay};
  }
  // A trial is short, because it replaces the pause between two polls.
  const Milliseconds longest = works_ ? pace_.max_wait : std::min(pace_.max_wait, delay);
  return {longest, longest + pace_.wait_slack};
}

LongPollPolicy::Verdict LongPollPolicy::waited(TimePoint now, Reads reads, WaitAnswer answer,
                                               Milliseconds took) {
  const bool early = took < pace_.early_answer;
  switch (answer) {
    case WaitAnswer::changed:
      if (!early) {
        return answered();
      }
      failed_waits_ = 0;
      return {Next::round, Change::none};
    case WaitAnswer::unchanged:
      return early ? abandon(now) : answered();
    case WaitAnswer::cancelled:
      return {Next::round, Change::none};
    case WaitAnswer::closed:
      // Waiting is tried again; only the first time the next round follows at once.
      return {reads == Reads::succeed && ++failed_waits_ < max_failed_waits ? Next::round : Next::rest,
              Change::none};
    case WaitAnswer::failed:
      return reads == Reads::succeed ? failed(now) : Verdict{Next::rest, Change::none};
  }
  return {Next::rest, Change::none};
}

LongPollPolicy::Verdict LongPollPolicy::answered() {
  failed_waits_ = 0;
  return {Next::round, std::exchange(works_, true) ? Change::none : Change::resumed};
}

LongPollPolicy::Verdict LongPollPolicy::failed(TimePoint now) {
  if (works_ && ++failed_waits_ < max_failed_waits) {
    return {Next::round, Change::none};
  }
  return abandon(now);
}

LongPollPolicy::Verdict LongPollPolicy::abandon(TimePoint now) {
  failed_waits_ = 0;
  retry_at_ = now + pace_.long_poll_retry;
  return {Next::rest, std::exchange(works_, false) ? Change::abandoned : Change::none};
}

}  // namespace rancher_cnode::metadata
