#include "agent/loop_timers.hpp"

#include <doctest/doctest.h>

#include "support/unit/loopback.hpp"

using namespace rancher_cnode;
using agent::LoopTimers;
using distribution::test::run_until;

TEST_CASE("a call comes at its time, once, and never from inside the request for it") {
  boost::asio::io_context loop;
  LoopTimers timers(loop);
  int calls = 0;
  const TimePoint begin = timers.now();
  const auto due = timers.call_at(begin - Milliseconds(1), [&] { ++calls; });
  CHECK(calls == 0);
  const auto later = timers.call_after(Milliseconds(20), [&] { ++calls; });
  run_until(loop, "both calls", [&] { return calls == 2; });
  CHECK(timers.now() - begin >= Milliseconds(20));
  loop.restart();
  CHECK(loop.poll() == 0);
}

TEST_CASE("a call that is dropped does not come, also when its time has come before") {
  boost::asio::io_context loop;
  LoopTimers timers(loop);
  std::vector<int> came;
  auto first = timers.call_after(Milliseconds(0), [&] { came.push_back(0); });
  rancher_cnode::Timers::Pending third;
  const auto second = timers.call_at(timers.now(), [&] {
    came.push_back(1);
    third.reset();
  });
  third = timers.call_at(timers.now(), [&] { came.push_back(2); });
  first.reset();
  distribution::test::run_for(loop, Milliseconds(5));
  CHECK(came == std::vector{1});
}
