#include "rancher_cnode/log/terminate_handler.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <thread>

using rancher_cnode::LogFormat;

namespace {

/// What a process writes to standard error that an exception on a thread ends.
std::string last_words(LogFormat format) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    rancher_cnode::install_terminate_handler(LogFormat::text);
    rancher_cnode::install_terminate_handler(format);
    std::thread([] { throw std::runtime_error("no \"more\" threads"); }).join();
    ::_exit(0);
  }
  REQUIRE(child > 0);
  ::close(ends[1]);
  std::string text(1000, '\0');
  std::size_t size = 0;
  for (ssize_t part = 0; (part = ::read(ends[0], &text[size], text.size() - size)) > 0;) {
    size += static_cast<std::size_t>(part);
  }
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
  return text.substr(0, size);
}

}  // namespace

TEST_CASE("an uncaught exception is one line on standard error and status 1") {
  CHECK(last_words(LogFormat::text) == "rancher_cnode: fatal error: no \"more\" threads\n");
}

TEST_CASE("an uncaught exception is an event where lines are JSON") {
  const std::string line = last_words(LogFormat::json);
  CHECK(line.starts_with(R"({"time":")"));
  CHECK(line.ends_with(R"("level":"error","event":"fatal_error","message":"no \"more\" threads"})"
                       "\n"));
}
