#include "rancher_cnode/core/process_stat.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

using rancher_cnode::parse_process_stat;
using rancher_cnode::process_stat;
using rancher_cnode::ProcessStat;

namespace {

std::string stat_text(const std::string& name, char state) {
  return "4711 (" + name + ") " + state +
         " 1 4711 4711 0 -1 4194560 119 0 0 0 0 0 0 0 20 0 1 0 987654321 2703360 256 18446744073709551615 1";
}

}  // namespace

TEST_CASE("state and start follow the program's name, whatever it contains") {
  for (const auto* name : {"sh", "", "my app", "a) S 1 2 3 (b", ") Z 1"}) {
    CAPTURE(name);
    CHECK(parse_process_stat(stat_text(name, 'S')) == ProcessStat{'S', 987654321});
  }
}

TEST_CASE("a truncated text gives nothing, or the start that it contains") {
  const std::string text = stat_text("sh", 'R');
  const std::size_t start = text.find("987654321");
  for (std::size_t length = 0; length <= start; ++length) {
    CAPTURE(length);
    CHECK_FALSE(parse_process_stat(text.substr(0, length)).has_value());
  }
  CHECK(parse_process_stat(text.substr(0, start + 9)) == ProcessStat{'R', 987654321});
}

TEST_CASE("a text without a name in parentheses gives nothing") {
  std::string text = stat_text("sh", 'R');
  text.replace(text.find('('), 4, "sh");
  CHECK_FALSE(parse_process_stat(text).has_value());
}

TEST_CASE("a process has ended only in the states of dead processes") {
  for (const char state : {'Z', 'X'}) {
    CHECK(ProcessStat{.state = state}.has_ended());
  }
  for (const char state : {'R', 'S', 'D', 'T', 't', 'I', '?'}) {
    CHECK_FALSE(ProcessStat{.state = state}.has_ended());
  }
}

TEST_CASE("this process runs, and has one start") {
  const auto stat = process_stat(::getpid());
  REQUIRE(stat.has_value());
  CHECK_FALSE(stat->has_ended());
  CHECK(stat->start > 0);
  CHECK(process_stat(::getpid())->start == stat->start);
}

TEST_CASE("a zombie has ended, and a process that was waited for is not there") {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  REQUIRE(child > 0);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0);
  const auto zombie = process_stat(child);
  REQUIRE(zombie.has_value());
  CHECK(zombie->has_ended());
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK_FALSE(process_stat(child).has_value());
}
