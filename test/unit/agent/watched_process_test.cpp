// The end of the watched process as a shutdown trigger, with pidfd and without.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "triggers.hpp"

using namespace rancher_cnode;
using namespace rancher_cnode::agent::test;

TEST_CASE("the end of a watched process is noticed, before anybody asks for its status") {
  Child child;
  Watching watching;
  watching.shutdown_triggers->watch_process(child.pid());
  CHECK(watching.goes_on());
  child.kill();
  CHECK(watching.reason() == end_of(child.pid()));
}

TEST_CASE("a process that does not exist has ended, with pidfd or without") {
  Child child;
  child.reap();
  Watching with_pidfd;
  with_pidfd.shutdown_triggers->watch_process(child.pid());
  CHECK(with_pidfd.reason() == end_of(child.pid()));
  Watching without(without_pidfd());
  without.shutdown_triggers->watch_process(child.pid());
  CHECK(without.reasons == std::vector{end_of(child.pid())});
}

TEST_CASE("without pidfd the process is checked twice a second, until it has ended") {
  Child child;
  Watching watching(without_pidfd());
  watching.shutdown_triggers->watch_process(child.pid());
  watching.timers.advance(Milliseconds(10'000));
  CHECK(watching.reasons.empty());
  child.reap();
  watching.timers.advance(Milliseconds(499));
  CHECK(watching.reasons.empty());
  watching.timers.advance(Milliseconds(1));
  CHECK(watching.reasons == std::vector{end_of(child.pid())});
  watching.timers.advance(Milliseconds(10'000));
  CHECK(watching.reasons.size() == 1);
}

TEST_CASE("without pidfd a zombie has ended") {
  const pid_t self = ::getpid();
  ProcessStat stat{.state = 'S', .start = 1};
  Watching watching(without_pidfd([&](pid_t) { return stat; }));
  watching.shutdown_triggers->watch_process(self);
  CHECK(watching.reasons.empty());
  stat.state = 'Z';
  watching.timers.advance(Milliseconds(500));
  CHECK(watching.reasons == std::vector{end_of(self)});
}

TEST_CASE("without pidfd a process that got the number of the watched one is not taken for it") {
  const pid_t self = ::getpid();
  ProcessStat stat{.state = 'S', .start = 1};
  Watching watching(without_pidfd([&](pid_t) { return stat; }));
  watching.shutdown_triggers->watch_process(self);
  stat.state = 'R';
  watching.timers.advance(Milliseconds(1'000));
  CHECK(watching.reasons.empty());
  stat.start = 2;
  watching.timers.advance(Milliseconds(500));
  CHECK(watching.reasons == std::vector{end_of(self)});
}

TEST_CASE("without pidfd and /proc a process that exists has not ended") {
  Watching watching(without_pidfd([](pid_t) { return std::nullopt; }));
  watching.shutdown_triggers->watch_process(::getpid());
  watching.timers.advance(Milliseconds(10'000));
  CHECK(watching.reasons.empty());
}

TEST_CASE("a pidfd that the loop cannot wait for is closed, and the process is polled instead") {
  Child child;
  auto epolls = nested_epolls();
  const int refused = epolls.back().release();
  Watching watching({.pidfd = [&](pid_t) { return FileDescriptor(refused); }, .stat = process_stat});
  watching.shutdown_triggers->watch_process(child.pid());
  CHECK(::fcntl(refused, F_GETFD) == -1);
  CHECK(watching.goes_on());
  child.reap();
  watching.timers.advance(Milliseconds(500));
  CHECK(watching.reasons == std::vector{end_of(child.pid())});
}
