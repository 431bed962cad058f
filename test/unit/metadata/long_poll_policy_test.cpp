#include "metadata/long_poll_policy.hpp"

#include <doctest/doctest.h>

using namespace rancher_cnode;
using metadata::LongPollPolicy;
using metadata::Pace;
using metadata::Reads;
using metadata::WaitAnswer;
using Next = LongPollPolicy::Next;
using Change = LongPollPolicy::Change;
using Verdict = LongPollPolicy::Verdict;

namespace {

constexpr TimePoint start{std::chrono::hours(1)};
constexpr Milliseconds polling{5'000};
constexpr Milliseconds at_once{499};
constexpr Milliseconds waited_for{500};
constexpr Verdict go_on{Next::round, Change::none};
constexpr Verdict at_rest{Next::rest, Change::none};
constexpr Verdict abandoned{Next::rest, Change::abandoned};
constexpr Verdict resumed{Next::round, Change::resumed};

struct Policy : LongPollPolicy {
  Policy() : LongPollPolicy(Pace{}) {}
  Verdict after(WaitAnswer answer, Milliseconds took = waited_for, Reads reads = Reads::succeed,
                TimePoint now = start) {
    return waited(now, reads, answer, took);
  }
  /// It has turned out at `start` that the server does not long-poll.
  static Policy that_polls() {
    Policy policy;
    CHECK(policy.after(WaitAnswer::unchanged, at_once) == abandoned);
    return policy;
  }
};

}  // namespace

TEST_CASE("the answer to the first wait decides what follows it") {
  const struct {
    const char* what;
    Reads reads;
    WaitAnswer answer;
    Milliseconds took;
    Verdict verdict;
  } rows[] = {
      {"a change", Reads::succeed, WaitAnswer::changed, waited_for, go_on},
      {"a change at once", Reads::succeed, WaitAnswer::changed, Milliseconds(0), go_on},
      {"the end of the wait", Reads::succeed, WaitAnswer::unchanged, waited_for, go_on},
      {"no wait", Reads::succeed, WaitAnswer::unchanged, at_once, abandoned},
      {"no wait while reads fail", Reads::fail, WaitAnswer::unchanged, at_once, abandoned},
      {"our own end", Reads::succeed, WaitAnswer::cancelled, at_once, go_on},
      {"our own end while reads fail", Reads::fail, WaitAnswer::cancelled, at_once, go_on},
      {"a cut", Reads::succeed, WaitAnswer::closed, at_once, go_on},
      {"a cut while reads fail", Reads::fail, WaitAnswer::closed, at_once, at_rest},
      {"a failure", Reads::succeed, WaitAnswer::failed, at_once, go_on},
      {"a failure while reads fail", Reads::fail, WaitAnswer::failed, at_once, at_rest},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Policy policy;
    CHECK(policy.after(row.answer, row.took, row.reads) == row.verdict);
    CHECK(policy.works() == (row.verdict != abandoned));
  }
}

TEST_CASE("a second failed wait in a row ends long-polling") {
  Policy policy;
  CHECK(policy.after(WaitAnswer::failed) == go_on);
  CHECK(policy.after(WaitAnswer::failed) == abandoned);
  CHECK_FALSE(policy.works());
}

TEST_CASE("a successful wait resets the count of failed ones") {
  for (const auto answer : {WaitAnswer::changed, WaitAnswer::unchanged}) {
    Policy policy;
    CHECK(policy.after(WaitAnswer::failed) == go_on);
    CHECK(policy.after(answer) == go_on);
    CHECK(policy.after(WaitAnswer::failed) == go_on);
  }
  Policy policy;
  CHECK(policy.after(WaitAnswer::failed) == go_on);
  CHECK(policy.after(WaitAnswer::changed, at_once) == go_on);
  CHECK(policy.after(WaitAnswer::failed) == go_on);
}

TEST_CASE("a failed read resets the count of failed waits") {
  Policy policy;
  CHECK(policy.after(WaitAnswer::failed) == go_on);
  policy.reads_failed();
  CHECK(policy.after(WaitAnswer::failed) == go_on);
  CHECK(policy.after(WaitAnswer::failed) == abandoned);
}

TEST_CASE("waits that are cut off are repeated forever, but not without a pause") {
  Policy policy;
  CHECK(policy.after(WaitAnswer::closed) == go_on);
  for (int i = 0; i < 10; ++i) {
    CHECK(policy.after(WaitAnswer::closed) == at_rest);
    CHECK(policy.works());
  }
  CHECK(policy.after(WaitAnswer::unchanged) == go_on);
  CHECK(policy.after(WaitAnswer::closed) == go_on);
}

TEST_CASE("a server without a version is polled from the second time on") {
  Policy policy;
  CHECK(policy.no_version(start) == go_on);
  CHECK(policy.no_version(start) == abandoned);
  CHECK(policy.no_version(start) == at_rest);
}

TEST_CASE("a server that does not long-poll is tried again after a minute") {
  auto policy = Policy::that_polls();
  CHECK_FALSE(policy.may_wait(start));
  CHECK_FALSE(policy.may_wait(start + Milliseconds(59'999)));
  CHECK(policy.may_wait(start + Milliseconds(60'000)));
  const TimePoint later = start + Milliseconds(60'000);
  CHECK(policy.after(WaitAnswer::failed, waited_for, Reads::succeed, later) == at_rest);
  CHECK_FALSE(policy.may_wait(later + Milliseconds(59'999)));
  CHECK(policy.may_wait(later + Milliseconds(60'000)));
}

TEST_CASE("long-polling resumes when a trial is answered after a time") {
  for (const auto answer : {WaitAnswer::changed, WaitAnswer::unchanged}) {
    auto policy = Policy::that_polls();
    CHECK(policy.after(answer) == resumed);
    CHECK(policy.works());
    CHECK(policy.may_wait(start));
    CHECK(policy.after(answer) == go_on);
  }
}

TEST_CASE("a change that is returned at once does not show that the server waits") {
  auto policy = Policy::that_polls();
  CHECK(policy.after(WaitAnswer::changed, at_once) == go_on);
  CHECK_FALSE(policy.works());
}

TEST_CASE("a wait is as long as the server may hold it, or as the pause that it replaces") {
  const auto limits_are = [](const LongPollPolicy& policy, Reads reads, Milliseconds delay, int longest,
                             int deadline) {
    const auto limits = policy.limits(reads, delay);
    CHECK(limits.longest == Milliseconds(longest));
    CHECK(limits.deadline == Milliseconds(deadline));
  };
  limits_are(Policy(), Reads::succeed, polling, 25'000, 32'000);
  // It stands in for a retry.
  limits_are(Policy(), Reads::fail, Milliseconds(500), 500, 500);
  // A trial stands in for a at_rest between two polls.
  limits_are(Policy::that_polls(), Reads::succeed, polling, 5'000, 12'000);
  limits_are(Policy::that_polls(), Reads::succeed, Milliseconds(60'000), 25'000, 32'000);
}
