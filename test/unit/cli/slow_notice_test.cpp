#include "cli/commands/slow_notice.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <array>

#include "support/unit/terminal.hpp"

using namespace rancher_cnode;
using cli::SlowNotice;
using testing::Terminal;

namespace {

/// What can be read there within this time, or "".
std::string seen(const FileDescriptor& output, Milliseconds within) {
  pollfd readable{output.get(), POLLIN, 0};
  std::array<char, 256> text{};
  if (::poll(&readable, 1, static_cast<int>(within.count())) != 1) {
    return "";
  }
  const auto size = ::read(output.get(), text.data(), text.size());
  return size < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(size));
}

constexpr Milliseconds ample{20'000};
constexpr Milliseconds briefly{50};

}  // namespace

TEST_CASE("who waits at a terminal reads once what for, and for how long at most") {
  const Terminal terminal;
  const SlowNotice notice(terminal.program.get(), "checking", Milliseconds(10'000), briefly);
  CHECK(seen(terminal.screen, ample) == "checking, for up to 10s\r\n");
  CHECK(seen(terminal.screen, 4 * briefly).empty());
}

TEST_CASE("an answer in time is not announced, and is not held up") {
  const Terminal terminal;
  const auto begin = Clock::now();
  { const SlowNotice notice(terminal.program.get(), "checking", Milliseconds(10'000), ample); }
  CHECK(Clock::now() - begin < ample);
  CHECK(seen(terminal.screen, briefly).empty());
}

TEST_CASE("what is no terminal gets no notice") {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  const FileDescriptor reader(pipe[0]);
  const FileDescriptor writer(pipe[1]);
  const SlowNotice notice(writer.get(), "checking", Milliseconds(10'000), Milliseconds(0));
  CHECK(seen(reader, 4 * briefly).empty());
}
