#include "agent/watchdog.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <thread>

using namespace rancher_cnode;
using namespace rancher_cnode::agent;
namespace asio = boost::asio;

namespace {

/// Half a second in all, and many ticks: a busy machine that keeps the loop waiting for long keeps the
/// watchdog waiting too.
constexpr Watchdog::Timing quick{Milliseconds(2), 250};
constexpr Milliseconds limit = quick.tick * quick.missed_ticks;

void turn_for(asio::io_context& loop, Milliseconds how_long) {
  const auto work = asio::make_work_guard(loop);
  loop.run_for(how_long);
}

void stalls(std::atomic<int>& count, asio::io_context& loop) {
  const Watchdog watchdog(loop, quick, [&]() { ++count; });
  const auto deadline = Clock::now() + Milliseconds(20'000);
  while (count == 0 && Clock::now() < deadline) {
    std::this_thread::sleep_for(Milliseconds(5));
  }
}

/// What a process whose loop turns all the time ends with: 0, or 1 if its watchdog took it for stalled.
[[noreturn]] void live(int ready) {
  asio::io_context loop;
  const Watchdog watchdog(loop, quick, []() { ::_exit(1); });
  static_cast<void>(::write(ready, "r", 1));
  turn_for(loop, 5 * limit);
  ::_exit(0);
}

}  // namespace

TEST_CASE("a loop that turns is left alone") {
  asio::io_context loop;
  int stalled = 0;
  {
    const Watchdog watchdog(loop, quick, [&]() { ++stalled; });
    turn_for(loop, 3 * limit);
  }
  CHECK(stalled == 0);
}

TEST_CASE("a loop that no longer turns is noticed once, and not before the limit") {
  asio::io_context loop;
  std::atomic<int> count = 0;
  const auto begun = Clock::now();
  stalls(count, loop);
  CHECK(count == 1);
  CHECK(Clock::now() - begun >= limit);
}

TEST_CASE("a process that was stopped for longer than the limit continues") {
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    live(ready[1]);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  ::kill(child, SIGSTOP);
  std::this_thread::sleep_for(3 * limit);  // the pause itself
  ::kill(child, SIGCONT);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("by default the limit is below the default net_ticktime of 60 s") {
  constexpr Watchdog::Timing timing;
  static_assert(timing.tick * timing.missed_ticks == std::chrono::seconds(30));
}
